// The pool alone loads in a quarter of the time of the whole package, in every worker thread.
declare module 'undici/lib/dispatcher/pool.js' {
  export { Pool as default } from 'undici';
}
