"""The AsyncAPI 3.0 document of all institutions: who reads which topic, and what each may write into it.

One channel per role stands for the inboxes of all institutions that play it. What travels there is the copy
for that role. It is made from the register of events and from what the codec of the envelope demands, so
neither can say something else.
"""

from collections.abc import Mapping
from typing import Any, cast

from contracts.envelope import CONTENT_TYPE, FORMS, MAX_VALUE_BYTES, PARTITIONS, REQUIRED
from contracts.event import EVENTS, Event, Role, heard_by, spoken_by
from contracts.schema import Schema, copy_schema, in_order, public_schema, withheld

KAFKA_BINDING = "0.5.0"
INSTITUTION = "[a-z0-9][a-z0-9-]{1,40}"

CHINESE = {
    Role.ESCROW: "公证机构（提存）",
    Role.REGISTRY: "不动产登记机构",
    Role.SELLER_BANK: "卖方贷款银行",
    Role.BUYER_BANK: "买方贷款银行",
    Role.FUND_CENTER: "住房公积金管理中心",
}
"""What the documents call each role."""

_ATTRIBUTES = {
    "specversion": "CloudEvents 1.0.",
    "id": "A UUID that follows from what caused the event, so that the same event is known again.",
    "source": "Who says it: /role/institution.",
    "type": "The event and the version of its form.",
    "subject": "The case; not there for what belongs to no case.",
    "time": "When it was said: UTC with milliseconds, in this one spelling.",
    "partitionkey": "What it is about, mostly the folio's unit number; the record's key in the same bytes.",
    "sequence": "Its place in the line from speaker to recipient about this key, from 1, without gaps.",
    "causationid": "The id of what caused it.",
    "signature": "The speaker's signature over all other attributes and the data: ed25519:BASE64.",
}


def asyncapi_document() -> Schema:
    """The whole document, as JSON values."""
    messages: Schema = {}
    schemas: Schema = {"Headers": _headers()}
    for event in _events():
        for name, role in _copies(event).items():
            messages[name] = _message(event, name, role)
            _add(schemas, name, copy_schema(event, role))
        if event.numbered:
            messages[_public_name(event)] = _public_message(event)
            _add(schemas, _public_name(event), public_schema(event))
    messages["dead-letter"] = _dead_letter()
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {
            **{_inbox(role): _channel(role) for role in Role},
            **{_feed(role): _public_channel(role) for role in Role},
            "dead-letters": _dead_channel(),
        },
        "operations": _operations(),
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _events() -> tuple[type[Event], ...]:
    return tuple(EVENTS[name] for name in sorted(EVENTS))


def _copies(event: type[Event]) -> Mapping[str, Role | None]:
    """The messages of an event: the whole one where a role gets it whole, and one per role that gets less."""
    name = event.type_name.removeprefix("daiya.")
    hearers = [role for role in Role if role in event.heard_by]
    cut = {_message_name(event, role): role for role in hearers if withheld(event, role)}
    return {**({name: None} if len(cut) < len(event.heard_by) else {}), **cut}


def _message_name(event: type[Event], role: Role) -> str:
    name = event.type_name.removeprefix("daiya.")
    return f"{name}.for-{role.value}" if withheld(event, role) else name


def _info() -> Schema:
    return {
        "title": "Daiya 带押: what the institutions say to each other",
        "version": "1",
        "description": (
            "Five institutions settle the transfer of a mortgaged home together, by events, with nobody in "
            "charge. Each owns one topic, its inbox; it alone reads it, the others write to it. "
            "Records are CloudEvents 1.0 in binary mode. An event's copy for a role holds only what that "
            "role may read.\n\nInboxes also hold the institution's own facts (daiya.own.*), which nobody "
            "else may write; they are no part of this document. Schemas are in the reader's form, open for "
            "fields of later releases; writers keep to the closed ones in contracts/schemas."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }


def _inbox(role: Role) -> str:
    return f"{role.value}-inbox"


def _feed(role: Role) -> str:
    return f"{role.value}-public"


def _public_name(event: type[Event]) -> str:
    return f"{event.type_name.removeprefix('daiya.')}.public"


def _published(role: Role) -> tuple[type[Event], ...]:
    """What a role says in its public feed: all but what keeps lines between two institutions whole."""
    return tuple(event for event in spoken_by(role, _events()) if event.numbered)


def _institution(what: str) -> Schema:
    return {"description": what, "examples": ["liaocheng-notary"]}


def _channel(role: Role) -> Schema:
    events = heard_by(role, _events())
    return {
        "address": f"daiya.{role.value}.{{institution}}",
        "title": f"Inbox of the {_shown(role)}",
        "description": f"All that an institution in this role ({CHINESE[role]}) hears. It alone reads it.",
        "parameters": {"institution": _institution("The institution's name.")},
        "messages": {e.type_name: _ref("components/messages", _message_name(e, role)) for e in events},
        "bindings": {
            "kafka": {
                "partitions": PARTITIONS,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": -1,
                    "retention.bytes": -1,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _public_channel(role: Role) -> Schema:
    return {
        "address": f"daiya.{role.value}.{{institution}}.public",
        "title": f"Public feed of the {_shown(role)}",
        "description": (
            f"All that an institution in this role ({CHINESE[role]}) says, once more and whole, with what is personal "
            "masked. Whoever is entitled reads along, from the first record on. The id is that of the event; a record "
            "may be there more than once, and then counts once. There is no sequence: nothing depends on this feed."
        ),
        "parameters": {"institution": _institution("The institution's name.")},
        "messages": {e.type_name: _ref("components/messages", _public_name(e)) for e in _published(role)},
        "bindings": {
            "kafka": {
                "partitions": PARTITIONS,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": -1,
                    "retention.bytes": -1,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _dead_channel() -> Schema:
    return {
        "address": "daiya.{role}.{institution}.dead",
        "title": "Dead letters",
        "description": "What an institution could not accept, as it came; its own people look at it.",
        "parameters": {
            "role": {"description": "The institution's role.", "enum": [role.value for role in Role]},
            "institution": _institution("The institution's name."),
        },
        "messages": {"dead-letter": _ref("components/messages", "dead-letter")},
        "bindings": {
            "kafka": {
                "partitions": 1,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": -1,
                    "retention.bytes": -1,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _headers_of(event: type[Event], numbered: bool) -> Schema:
    """The headers of a record with this event: with its place in a line, or without."""
    speakers = "|".join(in_order(event.spoken_by))
    own: Schema = {
        "ce_type": {"const": event.type_name},
        "ce_source": {"pattern": f"^/({speakers})/{INSTITUTION}$"},
    }
    if not numbered:
        own["ce_sequence"] = False
    required = ["ce_sequence"] if numbered else []
    return {
        "type": "object",
        "allOf": [_ref("components/schemas", "Headers"), {"required": required, "properties": own}],
    }


def _public_message(event: type[Event]) -> Schema:
    """The message that carries an event's public copy."""
    made = _message(event, _public_name(event), None)
    del made["x-daiya-audience"]
    return made | {
        "summary": f"{made['summary']} The public copy: what is personal is masked.",
        "headers": _headers_of(event, numbered=False),
    }


def _message(event: type[Event], name: str, role: Role | None) -> Schema:
    meaning = " ".join((event.__doc__ or "").split())
    copy = "" if role is None else f" The copy for the {_shown(role)}."
    return {
        "name": event.type_name,
        "title": event.__name__,
        "summary": meaning + copy,
        "contentType": CONTENT_TYPE.decode(),
        "headers": _headers_of(event, event.numbered),
        "payload": _ref("components/schemas", name),
        "bindings": {"kafka": _key()},
        "x-daiya-speaker": in_order(event.spoken_by),
        "x-daiya-audience": in_order(event.heard_by) if role is None else [role.value],
        "x-daiya-article": event.article,
        "x-daiya-max-bytes": MAX_VALUE_BYTES,
    }


def _key() -> Schema:
    what = "The same text as ce_partitionkey. The partition is Kafka's own: murmur2 of the key."
    return {
        "key": {"type": "string", "pattern": _whole(FORMS["partitionkey"]), "description": what},
        "bindingVersion": KAFKA_BINDING,
    }


def _headers() -> Schema:
    """What every record's headers must be, as the codec of the envelope demands it."""
    properties: Schema = {
        f"ce_{name}": {"type": "string", "pattern": _whole(FORMS[name]), "description": description}
        for name, description in _ATTRIBUTES.items()
    }
    properties["content-type"] = {"type": "string", "const": CONTENT_TYPE.decode()}
    return {
        "type": "object",
        "description": "CloudEvents' attributes as Kafka headers, each in UTF-8 and there once at most.",
        "properties": properties,
        "required": [*(f"ce_{name}" for name in _ATTRIBUTES if name in REQUIRED), "content-type"],
    }


def _dead_letter() -> Schema:
    notes = {
        "daiya_where": "The header or the part of the record that is wrong.",
        "daiya_why": "What is wrong with it.",
        "daiya_place": "Topic, partition and offset of the record: daiya.role.institution/partition/offset.",
        "daiya_at": "When the record had come in.",
    }
    return {
        "name": "dead-letter",
        "title": "DeadLetter",
        "summary": "A record as it came, in the same bytes, with the reason and the place.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {name: {"type": "string", "description": text} for name, text in notes.items()},
            "required": list(notes),
        },
        "payload": {"description": "Whatever the record's value was, or nothing."},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": KAFKA_BINDING}},
    }


def _operations() -> Schema:
    made: Schema = {}
    for role in Role:
        group = rf"^daiya\.{role.value}\.{INSTITUTION}$"
        made[f"{role.value}.reads-its-inbox"] = {
            "action": "receive",
            "channel": _ref("channels", _inbox(role)),
            "summary": f"The {_shown(role)} hears.",
            "messages": _messages(_inbox(role), heard_by(role, _events())),
            "bindings": {
                "kafka": {
                    "groupId": {
                        "type": "string",
                        "pattern": group,
                        "description": "Named as the inbox it reads.",
                    },
                    "bindingVersion": KAFKA_BINDING,
                }
            },
        }
        for hearer in Role:
            said = tuple(event for event in spoken_by(role, _events()) if hearer in event.heard_by)
            made[f"{role.value}.tells.{hearer.value}"] = {
                "action": "send",
                "channel": _ref("channels", _inbox(hearer)),
                "summary": f"What the {_shown(role)} says to the {_shown(hearer)}.",
                "messages": _messages(_inbox(hearer), said),
            }
        made[f"{role.value}.publishes"] = {
            "action": "send",
            "channel": _ref("channels", _feed(role)),
            "summary": f"What the {_shown(role)} says, for whoever is entitled to read along.",
            "messages": _messages(_feed(role), _published(role)),
        }
        made[f"{role.value}.buries"] = {
            "action": "send",
            "channel": _ref("channels", "dead-letters"),
            "summary": f"What the {_shown(role)} could not accept.",
            "messages": [{"$ref": "#/channels/dead-letters/messages/dead-letter"}],
        }
    return made


def _messages(channel: str, events: tuple[type[Event], ...]) -> list[Schema]:
    return [_ref(f"channels/{channel}/messages", event.type_name) for event in events]


def _ref(place: str, name: str) -> Schema:
    return {"$ref": f"#/{place}/{name}"}


def _whole(form: str) -> str:
    return f"^({form})$"


def _shown(role: Role) -> str:
    return role.value.replace("_", " ")


def _add(schemas: Schema, name: str, schema: Schema) -> None:
    """Put a schema and its definitions among the components.

    Raises ValueError where two differ under one name."""
    definitions = schema.pop("$defs", {})
    for each, made in {name: schema, **definitions}.items():
        pointed = _pointed(made)
        if schemas.setdefault(each, pointed) != pointed:
            raise ValueError(f"two schemas are named {each}; rename one of the models")


def _pointed(node: Any) -> Any:
    """The same schema, its references pointing to the components."""
    if isinstance(node, list):
        return [_pointed(item) for item in cast(list[Any], node)]
    if isinstance(node, str) and node.startswith("#/$defs/"):
        return node.replace("#/$defs/", "#/components/schemas/", 1)
    if isinstance(node, dict):
        return {key: _pointed(value) for key, value in cast(Schema, node).items()}
    return node
