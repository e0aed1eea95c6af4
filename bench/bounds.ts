/**
 * What the gate holds the code to: counts and ratios that are the same on every machine, beside what they were when the
 * bound was last set. Counts vary by little, so their bounds are close; CPU time varies, so those bounds leave a quarter.
 * Tighten a bound in the commit that earns it.
 */
export interface Bound {
  readonly min?: number;
  readonly max?: number;
}

export const BOUNDS = {
  'push small: requests per file': { max: 1.01 },
  'push small: bytes sent per byte': { min: 0.99, max: 1.01 },
  'push small: bytes read per byte': { min: 0.99, max: 1.01 },
  'push small: bytes copied per byte': { max: 2.2 },
  'push small: file system calls per file': { max: 7 },
  'push small: opens per file': { max: 1.2 },
  'push again: requests per file': { max: 0.01 },
  'pull small: requests per file': { max: 2.02 },
  'pull small: bytes copied per byte': { max: 3.6 },
  'pull small: file system calls per file': { max: 12 },
  'push small under KMS: calls per object': { max: 1.01 },
  'pull small under KMS: calls per object': { max: 1.01 },
  'push large: requests per file': { max: 1 },
  'push large: bytes sent per byte': { min: 0.99, max: 1.01 },
  'push large: bytes read per byte': { min: 0.99, max: 1.01 },
  'push large: bytes copied per byte': { max: 2.1 },
  'push large in two passes: requests besides its parts': { max: 3 },
  'push large in two passes: bytes read per byte': { min: 1.99, max: 2.01 },
  'push large in two passes: bytes copied per byte': { max: 3.1 },
  'pull large: requests per file': { max: 6 },
  'pull large: bytes copied per byte': { max: 2.1 },
  'push small: efficiency': { min: 0.3 },
  'pull small: efficiency': { min: 0.41 },
  'push large: efficiency': { min: 0.5 },
  'pull large: efficiency': { min: 0.6 },
} as const satisfies Readonly<Record<string, Bound>>;

export type Bounded = keyof typeof BOUNDS;
