/**
 * What `longhaul worker` ends with when it has grown too large and left in good order: a supervisor is to start it
 * again. `EX_TEMPFAIL` of sysexits.h, and the code of no error.
 */
export const RESTART_EXIT_CODE = 75;
