/** Where the CPU time of a run went, from the profiles that Node writes per thread. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const STAGES = ['walk', 'read', 'seal', 'wrap', 'send', 'wait', 'record', 'other'] as const;

/** Shares of the time of the worker threads and the coordinator, 0 to 1; `wait` is what they slept. */
export type StageSplit = Readonly<Record<(typeof STAGES)[number], number>>;
type Stage = (typeof STAGES)[number];

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds, monotonic. */
  readonly startTime: number;
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** By the innermost function of ours (or of a library that works for us) on the stack. */
const PLACES: readonly (readonly [part: RegExp, stage: Stage])[] = [
  [/\/src\/files\/(?:walk|entry|selection|collisions)|\/fast-glob\/|\/@nodelib\//, 'walk'],
  [/\/src\/files\//, 'read'],
  [/\/src\/keys\//, 'wrap'],
  [/\/src\/(?:crypto|envelope)\/|\/src\/run\/(?:sealing|opening)/, 'seal'],
  [/\/src\/store\/|\/ali-oss\/|^node:(?:net|internal\/stream|http|tls)/, 'send'],
  [/\/src\/manifest\//, 'record'],
];

/**
 * @param directory - of `--cpu-prof-dir`, one file per thread
 * @param sinceUs - what came before is left out; microseconds by the monotonic clock
 */
export function readStages(directory: string, sinceUs: number): StageSplit {
  const microseconds = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.cpuprofile'))) {
    add(JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile, sinceUs, microseconds);
  }
  const total = Object.values(microseconds).reduce((sum, time) => sum + time, 0);
  return Object.fromEntries(STAGES.map((stage) => [stage, total === 0 ? 0 : microseconds[stage] / total])) as StageSplit;
}

function add({ nodes, startTime, samples = [], timeDeltas = [] }: Profile, sinceUs: number, microseconds: Record<Stage, number>): void {
  const stages = stagesOf(nodes);
  let now = startTime;
  samples.forEach((node, index) => {
    const delta = timeDeltas[index] ?? 0;
    now += delta;
    microseconds[stages.get(node) ?? 'other'] += now < sinceUs ? 0 : Math.max(0, delta);
  });
}

function stagesOf(nodes: readonly ProfileNode[]): Map<number, Stage> {
  const stages = new Map<number, Stage>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (node: ProfileNode, inherited: Stage): void => {
    const stage = stageOf(node) ?? inherited;
    stages.set(node.id, stage);
    node.children?.forEach((id) => {
      const child = byId.get(id);
      if (child !== undefined) {
        visit(child, stage);
      }
    });
  };
  const [root] = nodes;
  if (root !== undefined) {
    visit(root, 'other');
  }
  return stages;
}

function stageOf({ callFrame: { functionName, url } }: ProfileNode): Stage | undefined {
  if (functionName === '(idle)') {
    return 'wait';
  }
  return PLACES.find(([part]) => part.test(url))?.[1];
}
