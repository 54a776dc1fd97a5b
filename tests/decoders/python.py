#!/usr/bin/env python3
"""Writes python.jsonl: messages between sensors, and what Python makes of each.

Python is what reads the messages in Slips, so its json, base64, ipaddress and float are the judge of
what a message means. The vectors are checked in, so that the tests need no Python; to make them anew:

    python3 tests/decoders/python.py > tests/decoders/python.jsonl

A line holds the `message` in base64; whether it is `honest`, that is, written by Python's own writers
from values in range; and what Python reads: the key, its canonical spelling, the numbers as
the bits of a double, or the name of the exception that a careless reader would die of.
"""
import base64
import ipaddress
import json
import random
import struct

CHANCE = random.Random(20261120)


def address():
    if CHANCE.random() < 0.4:
        return str(ipaddress.IPv4Address(CHANCE.getrandbits(32)))
    groups = [CHANCE.choice([0, 0, 1, 0xFF, CHANCE.getrandbits(16)]) for _ in range(8)]
    if groups[:6] == [0, 0, 0, 0, 0, 0xFFFF]:
        groups[0] = 0x2001
    return str(ipaddress.IPv6Address(sum(group << (16 * place) for place, group in enumerate(reversed(groups)))))


def number(low):
    return CHANCE.choice([0, 1, 0.0, 1.0, 0.5, CHANCE.random(), CHANCE.random() * 1e-5, CHANCE.uniform(low, 1), 5e-324, 0.1 + 0.2])


def report(key, score, confidence):
    evaluation = {"score": score, "confidence": confidence}
    return {"message_type": "report", "key_type": "ip", "key": key, "evaluation_type": "score_confidence", "evaluation": evaluation}


def request(key):
    return {"message_type": "request", "key_type": "ip", "key": key, "evaluation_type": "score_confidence"}


# JSON texts put in the place of a value: each is one that readers disagree on, or that is out of place.
TOKENS = """NaN Infinity -Infinity 1e999 -1e999 1e-400 -0 -0.0 1E0 1e+0 0.1e1 01 .5 1. +1 0x1 1_0 true false null "0.5" "1e3" " 1 " "nan"
"inf" "0x1p-1" "\\u0661" [] {} [0.5] {"score":1} 2 -1.0000000000000002 1.0000000000000002 0.30000000000000004 9007199254740993
0.1000000000000000055511151231257827021181583404541015625 2.2250738585072011e-308 4.9e-324 2.4703282292062328e-324 \\u0031""".split()
TOKENS += ["9" * 309, "1" + "0" * 400, "1" * 4301, "[" * 40 + "]" * 40, '"\\ud800"', '"\\u0000"']
KEYS = """1.2.3.4 01.2.3.4 1.2.3 1.2.3.4.5 256.1.1.1 1.2.3.4/32 \u0661.2.3.4 1.2.3.4\\n \\t1.2.3.4 0x1.2.3.4 16909060 ::1 ::0 0::1 0:0:0:0:0:0:0:1 ::FFFF
2001:DB8::1 2001:db8::0001 2001:db8:0:0:1:0:0:1 2001:db8::1:0:0:1 2001:db8:0:0:1::1 1:0:2:3:4:5:6:7 1::2:3:4:5:6:7 ::ffff:1.2.3.4
::ffff:102:304 ::1.2.3.4 ::102:304 fe80::1%eth0 fe80::1%1 [::1] ::1: 1::2::3 \\u0031.2.3.4 1.2.3.4\\u0000 localhost * 127.0.0.1 0.0.0.0
255.255.255.255 224.0.0.1 ff02::1""".split()
WHOLE = ["", " ", "[]", "null", '"report"', "1", "{", "{}", "{}{}", "[{}]", "{'a':1}", '{"message_type": "hello"}', '{"message_type": ["report"]}',
         '{"message_type": null}', '{"message_type": "Report"}', '{"Message_Type": "blame"}', '{"message_type": "blame"}',
         '{"message_type": "blame", "x": NaN}', '{"message_type": "blame", "message_type": "report"}', "\ufeff" + json.dumps(request("1.2.3.4"))]


def hostile():
    good = json.dumps(report("1.2.3.4", 0.5, 0.25))
    for token in TOKENS:
        yield good.replace("0.5", token)
        yield good[:-1] + ', "more": ' + token + "}"
        if len(token) < 300:
            yield good.replace("0.25", token)
            yield good.replace('"1.2.3.4"', token)
    for key in KEYS:
        yield good.replace("1.2.3.4", key)
        yield json.dumps(request("KEY")).replace("KEY", key)
    yield from WHOLE
    for old, new in [('"ip"', "[]"), ('"ip"', '"domain"'), ('"ip"', "null"), ('"score_confidence"', "{}"), ('"score_confidence"', '"x"'),
                     ('{"score": 0.5, "confidence": 0.25}', "null"), ('{"score": 0.5, "confidence": 0.25}', "[0.5, 0.25]"),
                     ('"score": 0.5', '"score": 0.5, "score": 0.9'), ('"key":', '"key": "5.6.7.8", "k\\u0065y":'), ('"score"', '"Score"'),
                     ('"key": "1.2.3.4", ', ""), ('"confidence": 0.25', '"x": 0'), (", ", ",\n\t "), (", ", "\v,"), ("}}", "}}\x00"), ("}}", "}} ")]:
        yield good.replace(old, new)
    for _ in range(150):
        text = list(good)
        for _ in range(CHANCE.randint(1, 3)):
            place = CHANCE.randrange(len(text))
            text[place] = CHANCE.choice(["", text[place] * 2, CHANCE.choice('{}[]",:.0e-1 \\u')])
        yield "".join(text)


def reads(message):
    """What Python reads, checked as loosely as a reader may that means no harm."""
    value = json.loads(base64.b64decode(message))
    kind = value["message_type"]
    if kind not in ("report", "request", "blame"):
        return {"kind": "unknown"}
    if kind == "blame":
        return {"kind": kind}
    if {"ip": 1}.get(value["key_type"]) is None or {"score_confidence": 1}.get(value["evaluation_type"]) is None:
        return {"kind": "unknown"}
    found = {"kind": kind, "key": value["key"], "canonical": str(ipaddress.ip_address(value["key"]))}
    if kind == "report" and value["evaluation"] is not None:
        found |= {name: struct.pack(">d", float(value["evaluation"][name])).hex() for name in ("score", "confidence")}
    return found


def vector(message, honest):
    try:
        found = reads(message)
        json.dumps(found)
    except Exception as error:
        found = {"error": type(error).__name__}
    return json.dumps({"message": message, "honest": honest, "python": found})


def encoded(text):
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def main():
    for _ in range(50):
        print(vector(encoded(json.dumps(report(address(), number(-1), number(0)))), True))
        print(vector(encoded(json.dumps(request(address()))), True))
    for text in hostile():
        print(vector(encoded(text), False))
    good = json.dumps(request("1.2.3.4"))
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"):
        print(vector(base64.b64encode(good.encode(encoding)).decode(), False))
    for message in (encoded(good) + "\n", " " + encoded(good), encoded(good)[:-1], encoded(good).replace("J", "J!"), encoded(good) + "=", "", "===="):
        print(vector(message, False))
    print(vector(base64.b64encode(good.encode().replace(b"ip", b"\xff")).decode(), False))


if __name__ == "__main__":
    main()
