/* SPDX-License-Identifier: Apache-2.0 */
/* Wire format writing: tag, length, bytes. Messages are packed straight into the buffer through protobuf-c's
 * own buffer interface; the buffer's sticky failure says at the end whether everything fitted. */
#include "service/rpc/wire.h"

#define DOMAIN "wire"
#define TYPE_VARINT 0u
#define TYPE_BYTES 2u

static void put_varint(struct b_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    b_buf_append(buf, bytes, n);
}

void *svc_borrow_message(const void *message)
{
    union {
        const void *in;
        void *out;
    } u = {.in = message};
    return u.out;
}

char *svc_borrow(const char *text)
{
    return svc_borrow_message(text ? text : "");
}

void svc_wire_bytes(struct b_buf *buf, uint32_t field, const void *data, size_t size)
{
    put_varint(buf, (uint64_t)field << 3 | TYPE_BYTES);
    put_varint(buf, size);
    b_buf_append(buf, data, size);
}

void svc_wire_number(struct b_buf *buf, uint32_t field, uint64_t value)
{
    put_varint(buf, (uint64_t)field << 3 | TYPE_VARINT);
    put_varint(buf, value);
}

struct adapter {
    ProtobufCBuffer base;
    struct b_buf *buf;
};

static void adapter_append(ProtobufCBuffer *base, size_t len, const uint8_t *data)
{
    /* base is the first member of the adapter. */
    b_buf_append(((struct adapter *)(void *)base)->buf, data, len);
}

enum b_code svc_wire_pack(struct b_buf *buf, const ProtobufCMessage *message, struct b_err *err)
{
    struct adapter adapter = {.base = {.append = adapter_append}, .buf = buf};
    protobuf_c_message_pack_to_buffer(message, &adapter.base);
    return b_buf_check(buf, DOMAIN, err);
}

enum b_code svc_wire_message(struct b_buf *buf, uint32_t field, const ProtobufCMessage *message, struct b_err *err)
{
    put_varint(buf, (uint64_t)field << 3 | TYPE_BYTES);
    put_varint(buf, protobuf_c_message_get_packed_size(message));
    return svc_wire_pack(buf, message, err);
}
