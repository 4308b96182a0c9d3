// Stands in for <setjmp.h>, which WASI has not without exceptions: protected calls succeed or end the program.
#ifndef WZ_SETJMP_H
#define WZ_SETJMP_H
typedef int jmp_buf[1];
#define setjmp(environment) ((void)(environment), 0)
#define longjmp(environment, value) lua_error_ends_program()
_Noreturn void lua_error_ends_program(void);
#endif
