import { fields, paragraph, table } from '../../src/cli/table';

it('lets the widest column that may shrink give way first', () => {
  const columns = [{ head: 'ID' }, { head: 'NAME', shrinksTo: 4 }, { head: 'NOTE', shrinksTo: 4 }];
  expect(table(columns, [['acc_1', 'A name of some length', 'short']], 24)).toBe(
    ['ID     NAME        NOTE', 'acc_1  A name of…  short'].join('\n'),
  );
});

it('prints no character that steers a terminal', () => {
  expect(table([{ head: 'A' }], [['red\u001b[31m\u202e']], 80)).toBe('A\nred?[31m?');
});

it('breaks text between words, the lines below each other', () => {
  expect(paragraph('one two three four', { width: 13, indent: 4 })).toBe('one two\n    three\n    four');
});

it('leaves out what there is none of', () => {
  const pairs: [string, string | null][] = [
    ['state', 'created'],
    ['reason', null],
  ];
  expect(fields(pairs, 80)).toBe('state  created');
});
