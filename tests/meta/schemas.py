# SPDX-License-Identifier: Apache-2.0
"""Old clients keep working: schemas.py DESCRIPTORS SNAPSHOT [--update]

Holds the descriptor set that the build makes of schemas/**.proto against a snapshot, a line a fact: what was released stays (field
numbers, names, types, labels, oneofs, enum values, methods, reserved numbers), what is new is added by --update and seen in review.
Also refuses what our decoder cannot bear: messages that contain themselves, proto3 optional, groups, maps. Rules: schemas/README.md.
"""
import sys

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field, FileDescriptorSet

HEAD = "# What clients rely on, a line a fact: tests/meta/schemas.py. SPDX-License-Identifier: Apache-2.0\n"


def type_of(field):
    name = Field.Type.Name(field.type)[5:].lower()
    return field.type_name[1:] if name in ("message", "enum") else name


def message_facts(name, message):
    yield "message %s" % name
    for f in message.field:
        label = "repeated" if f.label == Field.LABEL_REPEATED else "singular"
        oneof = " oneof %s" % message.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") else ""
        yield "field %s %d %s %s %s%s" % (name, f.number, f.name, type_of(f), label, oneof)
    for r in message.reserved_range:
        yield "reserved %s %d-%d" % (name, r.start, r.end - 1)
    for r in message.reserved_name:
        yield "reserved %s %s" % (name, r)
    for m in message.nested_type:
        yield from message_facts(name + "." + m.name, m)
    for e in message.enum_type:
        yield from enum_facts(name + "." + e.name, e)


def enum_facts(name, enum):
    yield "enum %s" % name
    for v in enum.value:
        yield "value %s %d %s" % (name, v.number, v.name)


def service_facts(name, service):
    yield "service %s" % name
    for m in service.method:
        stream = lambda on: "stream " if on else ""
        yield "method %s.%s (%s%s) returns (%s%s)" % (name, m.name, stream(m.client_streaming), m.input_type[1:], stream(m.server_streaming), m.output_type[1:])


def facts(files):
    found = []
    for file in files.file:
        prefix = file.package + "."
        for m in file.message_type:
            found += message_facts(prefix + m.name, m)
        for e in file.enum_type:
            found += enum_facts(prefix + e.name, e)
        for s in file.service:
            found += service_facts(prefix + s.name, s)
    return sorted(found)


def contents(files):
    """Message name -> (message, names of the messages that it contains)."""
    found = {}

    def walk(prefix, message):
        name = prefix + message.name
        found[name] = (message, {f.type_name[1:] for f in message.field if f.type == Field.TYPE_MESSAGE})
        for m in message.nested_type:
            walk(name + ".", m)

    for file in files.file:
        for m in file.message_type:
            walk(file.package + ".", m)
    return found


def check_shapes(files):
    found, messages = [], contents(files)
    for name, (message, inner) in messages.items():
        reached, todo = set(), list(inner)
        while todo:
            other = todo.pop()
            if other not in reached and other in messages:
                reached.add(other)
                todo += messages[other][1]
        if name in reached:
            found.append("%s contains itself: 29 kB of it would end the process; use a flat list with indices" % name)
        for f in message.field:
            if f.proto3_optional:
                found.append("%s.%s is optional, which our generator refuses: use a message, a oneof or an UNSPECIFIED value" % (name, f.name))
            if f.type == Field.TYPE_GROUP:
                found.append("%s.%s is a group" % (name, f.name))
        if message.options.map_entry:
            found.append("%s is a map: write a message of key and value" % name)
    for file in files.file:
        for enum in file.enum_type:
            if file.package.startswith("docparse.") and (enum.value[0].number != 0 or not enum.value[0].name.endswith(("_UNSPECIFIED", "_NONE"))):
                found.append("%s.%s: the value 0 says that nothing was said: ..._UNSPECIFIED" % (file.package, enum.name))
    return found


def compare(snapshot, now):
    """(what was broken, what is new)."""
    old, new = set(snapshot), set(now)
    broken = ["gone or changed: %s" % line for line in sorted(old - new)]
    return broken, sorted(new - old)


def read(path):
    with open(path, encoding="utf-8") as f:
        return [line for line in f.read().splitlines() if line and not line.startswith("#")]


def main(descriptors, snapshot, update):
    with open(descriptors, "rb") as f:
        files = FileDescriptorSet.FromString(f.read())
    now = facts(files)
    problems = check_shapes(files)
    broken, added = compare(read(snapshot), now)
    problems += broken
    if broken:
        problems.append("released numbers, names and types stay for ever: add a new field, mark the old one deprecated (schemas/README.md)")
    if added and update and not problems:
        with open(snapshot, "w", encoding="utf-8") as f:
            f.write(HEAD + "\n".join(now) + "\n")
        print("schemas: %d facts added" % len(added))
        return 0
    problems += ["new: %s" % line for line in added]
    if added:
        problems.append("additions are taken by: python3 tests/meta/schemas.py %s %s --update" % (descriptors, snapshot))
    print("\n".join(problems) or "schemas: fine, %d facts" % len(now))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--update" in sys.argv[3:]))
