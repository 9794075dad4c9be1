import { state } from './state.js';
import { t } from './texts.js';

const DAY_MS = 86_400_000;

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const STEPS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

const UNITS = ['B', 'KiB', 'MiB', 'GiB'];

/** @param {number} value */
export const number = (value) => value.toLocaleString(state.language);

/** @param {number} bytes */
export function size(bytes) {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const shown = (bytes / 1024 ** unit).toLocaleString(state.language, { maximumFractionDigits: unit ? 1 : 0 });
  return `${shown} ${UNITS[unit]}`;
}

/**
 * Return how long ago, or until, a time is.
 *
 * @param {number} seconds Since 1970, as all times of the API.
 */
export function ago(seconds) {
  const distance = seconds - Date.now() / 1000;
  const [unit, length] = STEPS.find(([, each]) => Math.abs(distance) >= each) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(state.language, { numeric: 'auto' }).format(Math.trunc(distance / length), unit);
}

/** @param {number} seconds */
export const dateAndTime = (seconds) => new Date(seconds * 1000).toLocaleString(state.language);

/** @param {number} seconds */
export const timeOfDay = (seconds) => new Date(seconds * 1000).toLocaleTimeString(state.language);

/**
 * @param {number} day Days since 1970.
 * @param {Intl.DateTimeFormatOptions} [form]
 */
export function dayName(day, form = { month: 'short', day: 'numeric' }) {
  return new Date(day * DAY_MS).toLocaleDateString(state.language, { ...form, timeZone: 'UTC' });
}

/**
 * @param {number} count
 * @param {'entry' | 'scope'} what
 */
export const counted = (count, what) => t(count === 1 ? `${what}_one` : `${what}_many`, { n: number(count) });
