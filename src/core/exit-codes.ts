/**
 * Exit code of `longhaul worker` after it has grown too large and stopped in good order: a supervisor should start it
 * again. `EX_TEMPFAIL` of sysexits.h, and not the code of any error.
 */
export const RESTART_EXIT_CODE = 75;
