import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const onlyFrom = (folder, forbidden, why) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: forbidden.map((name) => ({ regex: name, message: `src/${folder}: ${why}` })) },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.data/', 'test-output/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
    },
  },
  // The arrows of the layout: machines <- durable <- (db, workers, api); UPS's answers are known to workers only.
  onlyFrom(
    'machines',
    ['^\\.\\./(?!durations$)', '^(mongoose|mongodb|bullmq|ioredis|express|undici|node:)'],
    'a machine imports nothing of ours but durations.ts, and does no I/O',
  ),
  onlyFrom(
    'durable',
    ['^\\.\\./(machines|db|ups|workers|api|pages|cli|sandbox)', '^(mongoose|mongodb|bullmq|ioredis|express|undici)'],
    'the runtime knows no UPS, MongoDB or Redis',
  ),
  onlyFrom(
    'db',
    ['^\\.\\./(ups|workers|api|pages|cli|sandbox)', '^(bullmq|ioredis|express|undici)'],
    'the store knows the runtime and the machines only',
  ),
  onlyFrom(
    'ups',
    ['^\\.\\./(db|durable|workers|api|pages|cli|sandbox)', '^(mongoose|bullmq|ioredis|express)'],
    'UPS over HTTP, nothing else',
  ),
  onlyFrom('workers', ['^\\.\\./(api|pages|cli|sandbox)', '^express'], 'a worker is not an api'),
  onlyFrom(
    'sandbox',
    ['^\\.\\./(db|durable|machines|workers|api|pages|ups)', '^(mongoose|bullmq|ioredis)'],
    'the sandbox is a stranger to the service',
  ),
  {
    files: ['src/machines/**/*.ts', 'src/durable/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'the clock is an argument' },
        { object: 'Math', property: 'random', message: 'chance is an argument' },
        { object: 'process', property: 'env', message: 'configuration is an argument' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'the clock is an argument' },
      ],
    },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/unbound-method': 'off' } },
  {
    files: ['**/*.mjs', '**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        Buffer: 'readonly',
        require: 'readonly',
        module: 'writable',
        __dirname: 'readonly',
      },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
