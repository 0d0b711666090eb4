import { type EntityManager } from 'typeorm';
import { Region } from '../entities/atlas.js';
import { Category } from '../entities/writing.js';
import { type Read } from '../read.js';

type Node = Region | Category;

function treeReads(
  title: string,
  Entity: typeof Region | typeof Category,
): readonly Read[] {
  const tree = (manager: EntityManager) =>
    manager.getTreeRepository<Node>(Entity);
  const ofNode =
    (
      read: (manager: EntityManager, node: Node) => Promise<unknown>,
    ): Read['run'] =>
    async (manager, n) => {
      const node = await manager.findOneBy<Node>(Entity, { id: n + 1 });
      return node ? read(manager, node) : 'none';
    };
  return [
    {
      name: 'findTrees',
      run: (manager: EntityManager) => tree(manager).findTrees(),
    },
    {
      name: 'findRoots',
      run: (manager: EntityManager) => tree(manager).findRoots(),
    },
    {
      name: 'findDescendants',
      run: ofNode((manager, node) => tree(manager).findDescendants(node)),
    },
    {
      name: 'findDescendantsTree',
      run: ofNode((manager, node) => tree(manager).findDescendantsTree(node)),
    },
    {
      name: 'countDescendants',
      run: ofNode((manager, node) => tree(manager).countDescendants(node)),
    },
    {
      name: 'findAncestors',
      run: ofNode((manager, node) => tree(manager).findAncestors(node)),
    },
    {
      name: 'findAncestorsTree',
      run: ofNode((manager, node) => tree(manager).findAncestorsTree(node)),
    },
    {
      name: 'countAncestors',
      run: ofNode((manager, node) => tree(manager).countAncestors(node)),
    },
  ].map(read => ({ ...read, name: `${title}: ${read.name}` }));
}

/** Tree repositories. */
export const TREES: readonly Read[] = [
  ...treeReads('closure table', Region),
  ...treeReads('materialized path', Category),
];
