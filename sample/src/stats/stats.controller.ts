import { Controller, Get } from '@nestjs/common';
import { CacheKeyed } from 'nestjs-alkey';
import { AtlasReport } from './atlas-report.js';

@Controller('stats')
export class StatsController {
  constructor(private readonly report: AtlasReport) {}

  @Get()
  @CacheKeyed()
  stats() {
    return this.report.make();
  }
}
