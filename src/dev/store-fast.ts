import { DevError } from './context';
import { buildRust, isRustBuilt } from './secantus';

export async function main(): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const [env, say] = [process.env, console.log];
  const wasBuilt = isRustBuilt(env);
  try {
    const { name, program } = await buildRust({ env, say, signal: stop.signal });
    say(`${name} ${wasBuilt ? 'was built before' : 'is built'}: ${program}`);
    say('New data folders take it by themselves; a folder made by another server stays with that one.');
  } catch (error) {
    if (!(error instanceof DevError) && !stop.signal.aborted) throw error;
    console.error(error instanceof DevError ? error.message : 'Stopped. The next build goes on from here.');
    process.exitCode = 1;
  }
}
