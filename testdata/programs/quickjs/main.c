// Runs a script file in QuickJS: main FILE [ARGUMENT…]. The script has print(…), read(path) and the array `args`.
// An uncaught exception prints its message and stack, and the program ends with code 3.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "quickjs.h"

static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t room = 4096, count = 0, got;
    char *bytes = malloc(room + 1);
    while (bytes && (got = fread(bytes + count, 1, room - count, file)) > 0) {
        count += got;
        if (count == room) bytes = realloc(bytes, (room *= 2) + 1);
    }
    fclose(file);
    if (bytes) bytes[count] = 0;
    *length = count;
    return bytes;
}

static JSValue js_print(JSContext *context, JSValueConst this, int count, JSValueConst *values) {
    (void)this;
    for (int i = 0; i < count; i++) {
        const char *text = JS_ToCString(context, values[i]);
        if (!text) return JS_EXCEPTION;
        printf("%s%s", i ? " " : "", text);
        JS_FreeCString(context, text);
    }
    printf("\n");
    return JS_UNDEFINED;
}

static JSValue js_read(JSContext *context, JSValueConst this, int count, JSValueConst *values) {
    (void)this, (void)count;
    size_t length;
    const char *path = JS_ToCString(context, values[0]);
    if (!path) return JS_EXCEPTION;
    char *bytes = read_file(path, &length);
    JSValue result = bytes ? JS_NewStringLen(context, bytes, length) : JS_ThrowReferenceError(context, "cannot read %s", path);
    JS_FreeCString(context, path);
    free(bytes);
    return result;
}

static int show_exception(JSContext *context) {
    JSValue exception = JS_GetException(context);
    const char *text = JS_ToCString(context, exception);
    fflush(stdout);
    fprintf(stderr, "js: %s\n", text ? text : "?");
    JS_FreeCString(context, text);
    JSValue stack = JS_GetPropertyStr(context, exception, "stack");
    if (JS_IsString(stack) && (text = JS_ToCString(context, stack))) {
        fprintf(stderr, "%s", text);
        JS_FreeCString(context, text);
    }
    JS_FreeValue(context, stack);
    JS_FreeValue(context, exception);
    return 3;
}

int main(int argc, char **argv) {
    size_t length;
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    char *script = read_file(argv[1], &length);
    if (!script) {
        fprintf(stderr, "js: cannot read %s\n", argv[1]);
        return 2;
    }
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *context = JS_NewContext(runtime);
    JSValue global = JS_GetGlobalObject(context), args = JS_NewArray(context);
    for (int i = 2; i < argc; i++) JS_SetPropertyUint32(context, args, (uint32_t)i - 2, JS_NewString(context, argv[i]));
    JS_SetPropertyStr(context, global, "args", args);
    JS_SetPropertyStr(context, global, "print", JS_NewCFunction(context, js_print, "print", 1));
    JS_SetPropertyStr(context, global, "read", JS_NewCFunction(context, js_read, "read", 1));
    JS_FreeValue(context, global);

    int code = 0;
    JSValue result = JS_Eval(context, script, length, argv[1], JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(result)) code = show_exception(context);
    JS_FreeValue(context, result);
    JSContext *job;
    for (int pending = 1; !code && pending > 0;) {
        pending = JS_ExecutePendingJob(runtime, &job);
        if (pending < 0) code = show_exception(job);
    }
    free(script);
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
    return code;
}
