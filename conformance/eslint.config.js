import graphqlPlugin from '@graphql-eslint/eslint-plugin';
import { fileURLToPath } from 'node:url';

const schema = fileURLToPath(new URL('../schema.graphql', import.meta.url));

// The recommended rules (names, deprecations with a reason, nothing
// unreachable), those of Relay, and a description on everything a client sees.
export default [
  {
    files: ['**/*.graphql'],
    languageOptions: {
      parser: graphqlPlugin.parser,
      parserOptions: { graphQLConfig: { schema } },
    },
    plugins: { '@graphql-eslint': graphqlPlugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...graphqlPlugin.configs['flat/schema-recommended'].rules,
      ...graphqlPlugin.configs['flat/schema-relay'].rules,
      '@graphql-eslint/require-description': ['error', {
        types: true, rootField: true, FieldDefinition: true, InputValueDefinition: true,
        EnumValueDefinition: true, DirectiveDefinition: true,
      }],
      // Lists are connections where they are paged; `nodes` and short lists, such as roles, hold what they say.
      '@graphql-eslint/relay-edge-types': ['error', {
        withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false,
      }],
      // What has an identity implements Node; values, pages and payloads have none.
      '@graphql-eslint/strict-id-in-types': 'off',
      // `claimNumber` and `uploadedAt` are words of the trade, the same in files, columns and REST.
      '@graphql-eslint/no-typename-prefix': 'off',
    },
  },
];
