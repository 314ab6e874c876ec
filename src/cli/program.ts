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
    .description('Manages UPS accounts: connects them, refreshes their tokens in time, and loses none.')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage. Run `upslink COMMAND --help` for details.');

  const command: MakeCommand = (parent, usage, description) =>
    parent.command(usage).description(description).option('--json', 'answer as JSON');

  command(program, 'serve', 'run the service in the role that ROLE names, until SIGTERM or Ctrl-C').action(() =>
    runners.serve().runServe(env),
  );
  command(program, 'sandbox', 'run a UPS to develop against (SANDBOX_PORT, DATA_DIR, PUBLIC_URL)').action(
    (options: Json) => runners.sandbox().runSandbox(env, outputFor(options)),
  );
  command(program, 'doctor', 'check the environment, MongoDB, Redis, UPS, keys and clock').action((options: Json) =>
    runners.doctor().runDoctor(env, outputFor(options)),
  );

  command(
    program,
    'adopt',
    'decide whether a restored or copied database continues; without an option, show both sides',
  )
    .option('--database', 'this database is the real one: continue with it')
    .option('--as-new', 'this database is a copy: give up its grants, because they belong to the original')
    .option('--list', 'list the accounts whose refresh token may have been used elsewhere, as CSV')
    .option('--yes', 'do not ask for confirmation')
    .action((options: AdoptOptions & Json) => runners.adopt().runAdopt(env, outputFor(options), options));

  const tenant = program.command('tenant').description('create tenants');
  command(tenant, 'create', 'create a tenant')
    .requiredOption('--id <id>', 'the id of the tenant; it never changes')
    .requiredOption('--name <name>', 'the name that people see')
    .option('--return-origin <origin...>', 'origins that merchants may return to, such as https://shop.example')
    .addOption(oneOf('--refresh-policy <policy>', 'when its tokens are refreshed', POLICIES).default('eager'))
    .action((options: TenantOptions & Json) => runners.tenant().runTenantCreate(env, outputFor(options), options));

  addApiKeys(program, command, env);
  addAccounts(program, command, env);

  const machine = program.command('machine').description('check the state machine before a deploy');
  command(machine, 'preview', 'try this machine version on every stored account, and change nothing').action(
    (options: Json) => runners.preview().runPreview(env, outputFor(options)),
  );

  const keys = program.command('keys').description('manage the keys in ENCRYPTION_KEYS');
  command(keys, 'reseal', 'seal all secrets again with the first key of ENCRYPTION_KEYS; safe to stop and to repeat')
    .option('--rate <n>', 'the maximum number of accounts per second', '200')
    .action((options: ResealOptions & Json) => runners.reseal().runReseal(env, outputFor(options), options));

  const accessKeys = program.command('access-keys').description('import access keys of the XML era');
  command(accessKeys, 'import <file>', 'import access keys from a CSV file (- for standard input); safe to repeat')
    .requiredOption('--tenant <id>', 'the tenant that owns the accounts')
    .option('--encoding <label>', 'the encoding of the file, such as windows-1252', 'utf-8')
    .action((file: string, options: ImportOptions & Json) =>
      runners.importKeys().runImport(env, outputFor(options), file, options),
    );
  return program;
}

type MakeCommand = (parent: Command, usage: string, description: string) => Command;

function addApiKeys(program: Command, command: MakeCommand, env: Environment): void {
  const apiKey = program.command('api-key').description('manage API keys');
  command(apiKey, 'create', 'create a key and print it once, on a line of its own')
    .option('--tenant <id>', 'the tenant of the key; omit it for the roles admin and metrics')
    .addOption(oneOf('--role <role>', 'what the key may do', ROLES).makeOptionMandatory())
    .option('--name <name>', 'what the key is for; history shows this name')
    .option('--expires-at <instant>', 'when the key expires, such as 2027-01-31T00:00:00Z')
    .action((options: ApiKeyOptions & Json) => runners.apiKey().runApiKeyCreate(env, outputFor(options), options));

  command(apiKey, 'list', 'list keys in order of id, without their secrets')
    .option('--tenant <id>', 'only keys of this tenant')
    .option('--limit <n>', 'how many to list, up to 200', '50')
    .option('--cursor <id>', 'continue after this id')
    .action((options: ApiKeyListOptions & Json) => runners.apiKey().runApiKeyList(env, outputFor(options), options));

  command(apiKey, 'delete <id>', 'delete a key; running processes refuse it within 2 s').action(
    (id: string, options: Json) => runners.apiKey().runApiKeyDelete(env, outputFor(options), id),
  );
}

function addAccounts(program: Command, command: MakeCommand, env: Environment): void {
  const accounts = program.command('accounts').description('show accounts, and erase inactive ones');
  const inTenant = ['--tenant <id>', 'only accounts of this tenant'] as const;

  command(accounts, 'list', 'list accounts in order of id')
    .option(...inTenant)
    .addOption(oneOf('--state <state>', 'only accounts in this state', STATES))
    .addOption(oneOf('--scheme <scheme>', 'only accounts with this kind of credential', SCHEMES))
    .addOption(oneOf('--reason <reason>', 'only accounts with this reason', Object.keys(reasons)))
    .option('--text <text>', 'only accounts whose name or number begins with this text')
    .option('--external-id <id>', 'only accounts with this id of the platform')
    .option('--limit <n>', 'how many to list, up to 200', '50')
    .option('--cursor <id>', 'continue after this id')
    .action((options: ListOptions & Json) => runners.list().runList(env, outputFor(options), options));

  command(accounts, 'show <id>', 'show one account')
    .option(...inTenant)
    .action((id: string, options: InTenant & Json) => runners.show().runShow(env, outputFor(options), id, options));

  command(accounts, 'history <id>', 'show what happened to an account, oldest first')
    .option(...inTenant)
    .option('--after <seq>', 'continue after this seq', '0')
    .action((id: string, options: HistoryOptions & Json) =>
      runners.history().runHistory(env, outputFor(options), id, options),
    );

  command(accounts, 'explain <id>', 'show why an account is in its state, and whose move it is')
    .option(...inTenant)
    .action((id: string, options: InTenant & Json) =>
      runners.explain().runExplain(env, outputFor(options), id, options),
    );

  command(accounts, 'erase <id>', 'erase an inactive account and its history; a receipt remains')
    .requiredOption('--tenant <id>', 'the tenant that owns the account')
    .option('--yes', 'do not ask for confirmation')
    .action((id: string, options: EraseOptions & Json) =>
      runners.erase().runErase(env, outputFor(options), id, options),
    );

  command(
    accounts,
    'replay [ids...]',
    'run history through the machine again and compare the result with what is stored',
  )
    .option(...inTenant)
    .option('--all', 'replay every account of every tenant')
    .action((ids: string[], options: ReplayOptions & Json) =>
      runners.replay().runReplay(env, outputFor(options), ids, options),
    );
}
