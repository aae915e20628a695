import pg from 'pg';

const INT8 = pg.types.builtins.INT8;

/** Parsers of values. bigint becomes a number: stored values (micro-dollars, tokens, milliseconds) stay below 2^53. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format)),
};
