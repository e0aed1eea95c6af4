import { SealiftError } from '../../errors.js';

/** The whole part of a number. @throws SealiftError `usage` naming the option, its value and its bounds. */
export function inRange(option: string, value: number, min: number, max: number): number {
  const whole = Math.floor(value);
  if (Number.isFinite(value) && value >= min && value <= max) {
    return whole;
  }
  throw new SealiftError('usage', `--${option} is ${value}, but must be from ${min} to ${max}`, {
    remedy: `pass a value from ${min} to ${max}`,
  });
}
