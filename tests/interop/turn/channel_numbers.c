/* Preloaded into turnutils_uclient before 4.16, which draws channel numbers from RFC 5766's range, 0x4000 to 0x7fff.
 * RFC 8656 (12) leaves the first quarter of it, so the two bits that select the quarter are cleared in what the tool
 * draws its numbers from. */
#define _GNU_SOURCE
#include <sys/random.h>

int RAND_bytes(unsigned char *bytes, int count) {
    if (getrandom(bytes, (size_t)count, 0) != count) {
        return 0;
    }
    if (count == sizeof(long)) {
        *(long *)bytes &= ~0x3000L;
    }
    return 1;
}
