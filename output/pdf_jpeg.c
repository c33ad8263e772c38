/* SPDX-License-Identifier: Apache-2.0 */
/* A JPEG file that may stand in a PDF as it is: baseline or progressive, grey or YCbCr, upright, of the size
 * of the page. Reads only markers; every length is held against the file. */
#include <string.h>

#include "output/pdf_private.h"

#define MARKERS_MAX 1000   /* segments before the picture data; cameras write about twenty */
#define ORIENTATION 0x0112 /* tag of the Exif entry */

static unsigned be16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* Numbers of an Exif block in its own byte order. */
struct exif {
    const unsigned char *data;
    size_t size;
    bool little;
};

static unsigned exif16(const struct exif *e, size_t at)
{
    if (at + 2 > e->size)
        return 0;
    return e->little ? (unsigned)e->data[at + 1] << 8 | e->data[at] : be16(e->data + at);
}

static size_t exif32(const struct exif *e, size_t at)
{
    const size_t first = exif16(e, at), second = exif16(e, at + 2);
    return e->little ? second << 16 | first : first << 16 | second;
}

/* True when the segment is an Exif block that turns or mirrors the picture. */
static bool turns(const unsigned char *data, size_t size)
{
    if (size < 14 || memcmp(data, "Exif\0\0", 6) != 0)
        return false;
    struct exif e = {.data = data + 6, .size = size - 6, .little = data[6] == 'I'};
    const size_t directory = exif32(&e, 4);
    if (directory >= e.size)
        return false;
    const unsigned entries = exif16(&e, directory);
    for (unsigned i = 0; i < entries && directory + 2 + 12 * (size_t)(i + 1) <= e.size; i++) {
        const size_t at = directory + 2 + 12 * (size_t)i;
        if (exif16(&e, at) == ORIENTATION)
            return exif16(&e, at + 8) > 1;
    }
    return false;
}

/* Baseline, extended or progressive Huffman frame: what PDF's DCTDecode takes. */
static bool is_frame(unsigned marker)
{
    return marker == 0xC0 || marker == 0xC1 || marker == 0xC2;
}

bool out_pdf_jpeg_fits(const void *source, size_t size, int width, int height, int *channels)
{
    const unsigned char *p = source;
    size_t at = 2;
    if (size < 4 || p[0] != 0xFF || p[1] != 0xD8)
        return false;
    *channels = 0;
    for (int n = 0; n < MARKERS_MAX && at + 4 <= size; n++) {
        if (p[at] != 0xFF)
            return false;
        const unsigned marker = p[at + 1];
        const size_t length = be16(p + at + 2);
        if (length < 2 || length > size - at - 2)
            return false;
        const unsigned char *body = p + at + 4;
        if (marker == 0xDA) /* picture data: everything before it was seen */
            return *channels == 1 || *channels == 3;
        if (marker == 0xEE) /* Adobe's: perhaps RGB or inverted, which readers judge differently */
            return false;
        if (marker == 0xE1 && turns(body, length - 2))
            return false;
        if (is_frame(marker)) {
            if (length < 8 || body[0] != 8 || (int)be16(body + 1) != height || (int)be16(body + 3) != width)
                return false;
            *channels = body[5];
        } else if (marker >= 0xC3 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
            return false; /* lossless, hierarchical or arithmetic */
        }
        at += length + 2;
    }
    return false;
}
