import { Controller, Get } from '@nestjs/common';
import { AtlasReport } from './atlas-report.js';

@Controller('stats')
export class StatsController {
  constructor(private readonly report: AtlasReport) {}

  @Get()
  stats() {
    return this.report.make();
  }
}
