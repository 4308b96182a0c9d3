// Runs a Lua script: main SCRIPT [ARGUMENT…]. The script's arguments are in the global table `arg`.
// A Lua error prints its message and ends the program with code 3; without setjmp (include/setjmp.h) it does so even
// below pcall. The build with exceptions has pcall and coroutines.
#include <stdio.h>
#include <stdlib.h>
#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

static lua_State *state;

#ifndef __wasm_exception_handling__
_Noreturn void lua_error_ends_program(void) {
    const char *message = lua_tostring(state, -1);
    fflush(stdout);
    fprintf(stderr, "lua: %s\n", message ? message : "error without a message, or a yield");
    exit(3);
}
#endif

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s SCRIPT [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    state = luaL_newstate();
    if (!state) return 1;
    luaL_openlibs(state);
    lua_createtable(state, argc - 2, 1);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(state, argv[i]);
        lua_rawseti(state, -2, i - 1);
    }
    lua_setglobal(state, "arg");
    if (luaL_dofile(state, argv[1])) {
        fflush(stdout);
        fprintf(stderr, "lua: %s\n", lua_tostring(state, -1));
        return 3;
    }
    lua_close(state);
    return 0;
}
