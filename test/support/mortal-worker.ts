/** A worker whose thread ends when it is told to. */
export default function run(task: 'die' | 'live'): string {
  if (task === 'die') {
    process.exit(1);
  }
  return task;
}
