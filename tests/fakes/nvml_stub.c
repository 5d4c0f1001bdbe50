/* A libnvidia-ml.so.1 for machines without a GPU: $NVML_STUB names a file of `key value` lines.
 *
 *   ngpu 2            driver 580.159.04      cuda 13000
 *   0.util 92         *.mem_used 1000        err.nvmlInitWithFlags 18     0.err.nvmlDeviceGetName 15
 *
 *   delay_us.nvmlDeviceGetName 500000      0.mig 2   0/1.mem_used 5 (of its instance 1)
 *
 * `N.` before `*.`; a key that is missing makes its call answer NOT_SUPPORTED (3). Layouts are those
 * of nvml.h as nvidia-ml-py 13 declares them.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define NOT_SUPPORTED 3

/* The file is read anew where it is another one than before, into a table of its keys: to answer
 * must cost next to nothing. */
#define SLOTS 4096
static char text_of_file[65536];
static const char *slots[SLOTS];
static struct stat last;
static int is_troubled; /* some call fails or takes its time */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned slot_of(const char *key) {
    unsigned hash = 5381;
    while (*key && *key != ' ' && *key != '\n') hash = hash * 33 ^ (unsigned char)*key++;
    return hash % SLOTS;
}

static int is_key(const char *line, const char *key) {
    size_t length = strlen(key);
    return !strncmp(line, key, length) && line[length] == ' ';
}

static void reread(void) {
    const char *path = getenv("NVML_STUB");
    struct stat now;
    size_t size = 0;
    FILE *file;
    if (!path || stat(path, &now)) return;
    if (now.st_ino == last.st_ino && now.st_size == last.st_size
        && now.st_mtim.tv_sec == last.st_mtim.tv_sec && now.st_mtim.tv_nsec == last.st_mtim.tv_nsec) return;
    file = fopen(path, "r");
    if (!file) return;
    size = fread(text_of_file, 1, sizeof text_of_file - 1, file);
    fclose(file);
    last = now;
    text_of_file[size] = 0;
    memset(slots, 0, sizeof slots);
    is_troubled = strstr(text_of_file, "err.") || strstr(text_of_file, "delay_us.");
    for (const char *line = text_of_file; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        unsigned slot = slot_of(line);
        char key[128];
        if (sscanf(line, "%127s", key) != 1) continue;
        while (slots[slot] && !is_key(slots[slot], key)) slot = (slot + 1) % SLOTS;
        slots[slot] = line; /* the last one counts */
    }
}

static int lookup(const char *key, char *value, size_t size) {
    unsigned slot = slot_of(key);
    int found = 0;
    pthread_mutex_lock(&lock);
    while (slots[slot] && !is_key(slots[slot], key)) slot = (slot + 1) % SLOTS;
    if (slots[slot]) {
        const char *begin = slots[slot] + strlen(key) + 1;
        snprintf(value, size, "%.*s", (int)strcspn(begin, "\n"), begin);
        found = 1;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* handle: 1 + index of the GPU, and 100 x (1 + place) for an instance of it */
static int of_device(void *device, const char *key, char *value, size_t size) {
    char name[128];
    int gpu = (int)(intptr_t)device % 100 - 1, place = (int)(intptr_t)device / 100 - 1;
    if (place >= 0) {
        snprintf(name, sizeof name, "%d/%d.%s", gpu, place, key);
        return lookup(name, value, size);
    }
    snprintf(name, sizeof name, "%d.%s", gpu, key);
    if (lookup(name, value, size)) return 1;
    snprintf(name, sizeof name, "*.%s", key);
    return lookup(name, value, size);
}

static int failure(void *device, const char *call) {
    char name[128], value[64];
    pthread_mutex_lock(&lock);
    reread();
    pthread_mutex_unlock(&lock);
    if (!is_troubled) return 0;
    snprintf(name, sizeof name, "delay_us.%s", call);
    if (lookup(name, value, sizeof value)) usleep((useconds_t)atol(value));
    snprintf(name, sizeof name, "err.%s", call);
    if (lookup(name, value, sizeof value)) return atoi(value);
    if (device && of_device(device, name, value, sizeof value)) return atoi(value);
    return 0;
}

#define CHECK(device) do { int error = failure(device, __func__); if (error) return error; } while (0)

static int number(void *device, const char *call, const char *key, unsigned *out) {
    char value[64];
    int error = failure(device, call);
    if (error) return error;
    if (!of_device(device, key, value, sizeof value)) return NOT_SUPPORTED;
    *out = (unsigned)strtoul(value, NULL, 10);
    return 0;
}

static int text(void *device, const char *call, const char *key, char *out, unsigned size) {
    int error = failure(device, call);
    if (error) return error;
    if (device ? !of_device(device, key, out, size) : !lookup(key, out, size)) return NOT_SUPPORTED;
    return 0;
}

EXPORT int nvmlInitWithFlags(unsigned flags) { (void)flags; CHECK(NULL); return 0; }
EXPORT int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT int nvmlShutdown(void) { return 0; }
EXPORT const char *nvmlErrorString(int code) { (void)code; return "an error of the stub"; }
EXPORT int nvmlSystemGetDriverVersion(char *out, unsigned size) { return text(NULL, __func__, "driver", out, size); }
EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *out) {
    char value[64];
    if (!lookup("cuda", value, sizeof value)) return NOT_SUPPORTED;
    *out = atoi(value);
    return 0;
}
EXPORT int nvmlDeviceGetCount_v2(unsigned *out) {
    char value[64] = "0";
    CHECK(NULL);
    lookup("ngpu", value, sizeof value);
    *out = (unsigned)atoi(value);
    return 0;
}
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
    *out = (void *)(intptr_t)(index + 1);
    CHECK(*out);
    return 0;
}
EXPORT int nvmlDeviceGetName(void *d, char *out, unsigned size) { return text(d, __func__, "name", out, size); }
EXPORT int nvmlDeviceGetUUID(void *d, char *out, unsigned size) { return text(d, __func__, "uuid", out, size); }
EXPORT int nvmlDeviceGetUtilizationRates(void *d, unsigned *out) {
    int error = number(d, __func__, "util", &out[0]);
    return error ? error : number(d, __func__, "memutil", &out[1]);
}
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;
EXPORT int nvmlDeviceGetMemoryInfo_v2(void *d, memory_v2 *out) {
    char total[64], used[64];
    CHECK(d);
    if (out->version != (sizeof *out | 2u << 24)) return 25;
    if (!of_device(d, "mem_total", total, 64) || !of_device(d, "mem_used", used, 64)) return NOT_SUPPORTED;
    out->total = strtoull(total, NULL, 10);
    out->used = strtoull(used, NULL, 10);
    out->reserved = 0;
    out->free = out->total - out->used;
    return 0;
}
EXPORT int nvmlDeviceGetPowerUsage(void *d, unsigned *out) { return number(d, __func__, "power_mw", out); }
EXPORT int nvmlDeviceGetEnforcedPowerLimit(void *d, unsigned *out) { return number(d, __func__, "limit_mw", out); }
EXPORT int nvmlDeviceGetTemperature(void *d, int sensor, unsigned *out) { (void)sensor; return number(d, __func__, "temp", out); }
EXPORT int nvmlDeviceGetClockInfo(void *d, int type, unsigned *out) {
    return number(d, __func__, type == 1 ? "sm_mhz" : "mem_mhz", out);
}
EXPORT int nvmlDeviceGetVirtualizationMode(void *d, unsigned *out) { return number(d, __func__, "virt", out); }
EXPORT int nvmlDeviceGetCurrentClocksEventReasons(void *d, unsigned long long *out) {
    unsigned bits;
    int error = number(d, __func__, "reasons", &bits);
    *out = bits;
    return error;
}
typedef struct { unsigned id, scope; long long stamp, latency; unsigned type, ret; unsigned long long value; } field_value;
EXPORT int nvmlDeviceGetFieldValues(void *d, int count, field_value *values) {
    CHECK(d);
    for (int n = 0; n < count; n++) {
        char key[32];
        unsigned found = 0;
        snprintf(key, sizeof key, "fi.%u", values[n].id);
        values[n].ret = (unsigned)number(d, __func__, key, &found);
        values[n].type = 1;
        values[n].value = found;
    }
    return 0;
}
EXPORT int nvmlDeviceGetCurrPcieLinkGeneration(void *d, unsigned *out) { return number(d, __func__, "pcie_gen", out); }
EXPORT int nvmlDeviceGetCurrPcieLinkWidth(void *d, unsigned *out) { return number(d, __func__, "pcie_width", out); }
EXPORT int nvmlDeviceGetPcieReplayCounter(void *d, unsigned *out) { return number(d, __func__, "replays", out); }
EXPORT int nvmlDeviceGetTotalEnergyConsumption(void *d, unsigned long long *out) {
    char value[64];
    CHECK(d);
    if (!of_device(d, "energy_mj", value, sizeof value)) return NOT_SUPPORTED;
    *out = strtoull(value, NULL, 10);
    return 0;
}
EXPORT int nvmlDeviceGetTotalEccErrors(void *d, int kind, int counter, unsigned long long *out) {
    unsigned found;
    int error = number(d, __func__, kind ? "ecc_uncorrected" : "ecc_corrected", &found);
    (void)counter;
    *out = found;
    return error;
}
EXPORT int nvmlDeviceGetRemappedRows(void *d, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    *uncorrected = *pending = *failed = 0;
    number(d, __func__, "rows_pending", pending);
    number(d, __func__, "rows_failed", failed);
    return number(d, __func__, "remapped", corrected);
}
EXPORT int nvmlDeviceGetEccMode(void *d, unsigned *now, unsigned *next) {
    int error = number(d, __func__, "ecc", now);
    if (number(d, __func__, "ecc_pending", next)) *next = *now;
    return error;
}
EXPORT int nvmlDeviceGetPersistenceMode(void *d, unsigned *out) { return number(d, __func__, "persistence", out); }
EXPORT int nvmlDeviceGetComputeMode(void *d, unsigned *out) { return number(d, __func__, "compute_mode", out); }
EXPORT int nvmlDeviceGetMaxPcieLinkGeneration(void *d, unsigned *out) { return number(d, __func__, "pcie_gen_max", out); }
EXPORT int nvmlDeviceGetMaxPcieLinkWidth(void *d, unsigned *out) { return number(d, __func__, "pcie_width_max", out); }
EXPORT int nvmlDeviceGetMigMode(void *d, unsigned *now, unsigned *next) {
    unsigned count;
    int error = number(d, __func__, "mig", &count);
    *now = *next = count > 0;
    return error;
}
EXPORT int nvmlDeviceGetMaxMigDeviceCount(void *d, unsigned *out) { (void)d; *out = 7; return 0; }
EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(void *d, unsigned place, void **out) {
    unsigned count = 0;
    int error = number(d, __func__, "mig", &count);
    if (error) return error;
    if (place >= count) return 6;
    *out = (void *)((intptr_t)d + 100 * (intptr_t)(place + 1));
    return 0;
}
EXPORT int nvmlDeviceGetGpuInstanceId(void *d, unsigned *out) { *out = (unsigned)((intptr_t)d / 100); return 0; }
typedef struct { unsigned pid; unsigned long long memory; unsigned gi, ci; } process_info;
EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *count, process_info *out) {
    char pids[256], *rest = pids, *one;
    unsigned found = 0, room = *count;
    CHECK(d);
    if (!of_device(d, "pids", pids, sizeof pids)) { *count = 0; return 0; }
    while ((one = strsep(&rest, ",")))
        if (found++ < room) out[found - 1] = (process_info){(unsigned)atoi(one), 1 << 20, ~0u, ~0u};
    *count = found;
    return found > room ? 7 : 0;
}
typedef struct { unsigned pid; unsigned long long stamp; unsigned sm, mem, enc, dec; } usage_sample;
EXPORT int nvmlDeviceGetProcessUtilization(void *d, usage_sample *out, unsigned *count, unsigned long long since) {
    unsigned pid;
    int error = number(d, __func__, "busy_pid", &pid);
    if (error) return error;
    if (since >= 1000) return 6;
    if (*count < 1) { *count = 1; return 7; }
    *count = 1;
    out[0] = (usage_sample){pid, 1000, 42, 0, 0, 0};
    return 0;
}
