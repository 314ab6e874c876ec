/**
 * The command line as commander knows it: names, options, help. What a command does is loaded when it runs, so that
 * `upslink --help` opens nothing and answers at once.
 */

import { Command, Option } from 'commander';
import type { Role } from '../db/apiKeys';
import type { AccountView, LifeState } from '../machines/definition';
import type { RefreshPolicy } from '../machines/data';
import { reasons } from '../machines/reasons';
import type { Environment } from './environment';
import { makeOutput, type Output } from './output';
import type { ListOptions } from './accounts/list';
import type { EraseOptions } from './accounts/erase';
import type { HistoryOptions } from './accounts/history';
import type { ReplayOptions } from './accounts/replay';
import type { ImportOptions } from './access-keys/import';
import type { AdoptOptions } from './adopt';
import type { ApiKeyListOptions, ApiKeyOptions } from './api-key';
import type { ResealOptions } from './keys/reseal';
import type { InTenant } from './store';
import type { TenantOptions } from './tenant';
import { runners } from './runners';

/** The keys of a record that must name every one of a union. */
const namesOf = <Name extends string>(all: Record<Name, true>): Name[] => Object.keys(all) as Name[];

const STATES = namesOf<LifeState>({
  created: true,
  'pending-authorization': true,
  connected: true,
  disconnected: true,
  migrating: true,
  inactive: true,
});
const SCHEMES = namesOf<NonNullable<AccountView['scheme']>>({ oauth: true, 'access-key': true });
const ROLES = namesOf<Role>({ platform: true, operator: true, reader: true, admin: true, metrics: true });
const POLICIES = namesOf<RefreshPolicy>({ eager: true, lazy: true });

interface Json {
  json?: boolean;
}

const outputFor = ({ json = false }: Json): Output => makeOutput({ json });

const oneOf = (flags: string, description: string, choices: readonly string[]) =>
  new Option(flags, description).choices(choices);

export function makeProgram(env: Environment): Command {
  const program = new Command('upslink')
    .description('Carries UPS accounts through their life: connected, refreshed in time, nothing lost.')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage. `upslink COMMAND --help` says more.');

  const command: MakeCommand = (parent, usage, description) =>
    parent.command(usage).description(description).option('--json', 'answer as JSON');

  command(program, 'serve', 'run the service in the role ROLE names, until SIGTERM or Ctrl-C').action(() =>
    runners.serve().runServe(env),
  );
  command(program, 'sandbox', 'run a UPS to develop against (SANDBOX_PORT, DATA_DIR, PUBLIC_URL)').action(
    (options: Json) => runners.sandbox().runSandbox(env, outputFor(options)),
  );
  command(program, 'doctor', 'check the environment, MongoDB, Redis, UPS, keys and clock').action((options: Json) =>
    runners.doctor().runDoctor(env, outputFor(options)),
  );

  command(program, 'adopt', 'say whether a restored or copied database is real; without a choice, show both sides')
    .option('--database', 'this database is real: go on with it')
    .option('--as-new', 'this database is a copy: give up the grants in it, they belong to where it came from')
    .option('--list', 'list the accounts whose refresh token may have been used since, as CSV')
    .option('--yes', 'do not ask')
    .action((options: AdoptOptions & Json) => runners.adopt().runAdopt(env, outputFor(options), options));

  const tenant = program.command('tenant').description('tenants');
  command(tenant, 'create', 'create a tenant')
    .requiredOption('--id <id>', 'its id, for ever')
    .requiredOption('--name <name>', 'its name, for people')
    .option('--return-origin <origin...>', 'where merchants may be sent back to, such as https://shop.example')
    .addOption(oneOf('--refresh-policy <policy>', 'when tokens are refreshed', POLICIES).default('eager'))
    .action((options: TenantOptions & Json) => runners.tenant().runTenantCreate(env, outputFor(options), options));

  addApiKeys(program, command, env);
  addAccounts(program, command, env);

  const machine = program.command('machine').description('the machine that carries accounts, before a deploy');
  command(machine, 'preview', 'try this version on every stored account, and change nothing').action((options: Json) =>
    runners.preview().runPreview(env, outputFor(options)),
  );

  const keys = program.command('keys').description('the keys of ENCRYPTION_KEYS');
  command(keys, 'reseal', 'move all that is sealed to the first key of ENCRYPTION_KEYS; safe to stop and to repeat')
    .option('--rate <n>', 'at most so many accounts a second', '200')
    .action((options: ResealOptions & Json) => runners.reseal().runReseal(env, outputFor(options), options));

  const accessKeys = program.command('access-keys').description('access keys of the XML era');
  command(accessKeys, 'import <file>', 'import them from a CSV file (- for standard input); safe to repeat')
    .requiredOption('--tenant <id>', 'whose accounts they are')
    .option('--encoding <label>', 'how the file is encoded, such as windows-1252', 'utf-8')
    .action((file: string, options: ImportOptions & Json) =>
      runners.importKeys().runImport(env, outputFor(options), file, options),
    );
  return program;
}

type MakeCommand = (parent: Command, usage: string, description: string) => Command;

function addApiKeys(program: Command, command: MakeCommand, env: Environment): void {
  const apiKey = program.command('api-key').description('keys for the API');
  command(apiKey, 'create', 'create a key; it is printed once, alone on its line')
    .option('--tenant <id>', 'whose key it is (none for the roles admin and metrics)')
    .addOption(oneOf('--role <role>', 'what it may do', ROLES).makeOptionMandatory())
    .option('--name <name>', 'what it is for, or whose it is: history shows it')
    .option('--expires-at <instant>', 'when it stops working, such as 2027-01-31T00:00:00Z')
    .action((options: ApiKeyOptions & Json) => runners.apiKey().runApiKeyCreate(env, outputFor(options), options));

  command(apiKey, 'list', 'list keys, in order of id; never the keys themselves')
    .option('--tenant <id>', 'only of this tenant')
    .option('--limit <n>', 'how many, up to 200', '50')
    .option('--cursor <id>', 'go on after this id')
    .action((options: ApiKeyListOptions & Json) => runners.apiKey().runApiKeyList(env, outputFor(options), options));

  command(apiKey, 'delete <id>', 'delete a key; running processes refuse it within 2 s').action(
    (id: string, options: Json) => runners.apiKey().runApiKeyDelete(env, outputFor(options), id),
  );
}

function addAccounts(program: Command, command: MakeCommand, env: Environment): void {
  const accounts = program.command('accounts').description('look at accounts, and erase closed ones');
  const inTenant = ['--tenant <id>', 'only within this tenant'] as const;

  command(accounts, 'list', 'list accounts, in order of id')
    .option(...inTenant)
    .addOption(oneOf('--state <state>', 'only in this state', STATES))
    .addOption(oneOf('--scheme <scheme>', 'only with this kind of credential', SCHEMES))
    .addOption(oneOf('--reason <reason>', 'only for this reason', Object.keys(reasons)))
    .option('--text <text>', 'only names or numbers that begin so')
    .option('--external-id <id>', 'only with this id of the platform')
    .option('--limit <n>', 'how many, up to 200', '50')
    .option('--cursor <id>', 'go on after this id')
    .action((options: ListOptions & Json) => runners.list().runList(env, outputFor(options), options));

  command(accounts, 'show <id>', 'show one account')
    .option(...inTenant)
    .action((id: string, options: InTenant & Json) => runners.show().runShow(env, outputFor(options), id, options));

  command(accounts, 'history <id>', 'what happened to an account, oldest first')
    .option(...inTenant)
    .option('--after <seq>', 'go on after this seq', '0')
    .action((id: string, options: HistoryOptions & Json) =>
      runners.history().runHistory(env, outputFor(options), id, options),
    );

  command(accounts, 'explain <id>', 'why an account is where it is, and whose move it is')
    .option(...inTenant)
    .action((id: string, options: InTenant & Json) =>
      runners.explain().runExplain(env, outputFor(options), id, options),
    );

  command(accounts, 'erase <id>', 'remove an inactive account and its history, except a receipt')
    .requiredOption('--tenant <id>', 'whose account it is')
    .option('--yes', 'do not ask')
    .action((id: string, options: EraseOptions & Json) =>
      runners.erase().runErase(env, outputFor(options), id, options),
    );

  command(accounts, 'replay [ids...]', 'run history through the machine again and compare with what is stored')
    .option(...inTenant)
    .option('--all', 'every account of every tenant')
    .action((ids: string[], options: ReplayOptions & Json) =>
      runners.replay().runReplay(env, outputFor(options), ids, options),
    );
}
