"""All that plugins may import (tests also `core.testing`). Out-of-tree authors write `from tangkapin import …`."""

from core.bodies import Body, read_body, read_form
from core.domain.answers import Answer, BodyCheck, Recognition, recognise_by_marks
from core.domain.camera_time import CaptureTime, read_epoch, read_moment, read_time
from core.domain.cases import (
    CaseDraft,
    CaseView,
    EvidenceRef,
    HttpRequest,
    HttpResponse,
    Passage,
    SyncReceipt,
    VendorView,
    Verdict,
)
from core.domain.confidence import percent, percent_of_fraction
from core.domain.errors import (
    MalformedPayload,
    Refused,
    TangkapinError,
    Transient,
    Unbuildable,
    Undeliverable,
    UnsupportedEvent,
)
from core.domain.events import DomainEvent, Health
from core.domain.extensions import PluginCommand, PluginPage, PluginRoute, RouteRequest
from core.domain.fields import Fields, as_text, named_values, objects, records
from core.domain.frames import Box, Frame, Sighting
from core.domain.images import MAX_SCANS, count_scans, decode_base64_image, measure, sniff, split_jpegs
from core.domain.incidents import IncidentType
from core.domain.multipart import Part, is_multipart, split_parts
from core.domain.notices import Address, Delivery, Heard, Notice, Recipient, Told, sum_up
from core.domain.observations import (
    Alarm,
    AnyObservation,
    Device,
    DeviceHint,
    Direction,
    FrameCapture,
    Image,
    ImageRole,
    Observation,
    Payload,
    PlateRead,
    Status,
    TimeSource,
    ViolationType,
)
from core.domain.part_stream import PartStream, StreamPart
from core.domain.pictures import picture_parts, read_picture
from core.domain.plates import IndonesianPlate, normalise_plate, read_indonesian_plate, repair_plate, within_one_edit
from core.domain.receipts import read_answer, read_look_up, read_status, retry_after_s
from core.domain.stream_events import stream_payloads
from core.domain.streams import StreamConnect, StreamConnection, StreamHead
from core.hooks.plugin import Plugin, PluginConfig, PluginContext, Secret, SinkConfig
from core.hooks.specs import hookimpl
from core.outbound_calls import Conversation, HttpReply, NotAllowed, Outbound, check_answer, is_later, on_this_machine
from core.realtime.bus import publish_realtime
from core.realtime.topics import realtime_event
from core.safe_json import decode_json
from core.xml import XmlNode, parse_xml

__all__ = [
    "MAX_SCANS",
    "Address",
    "Alarm",
    "Answer",
    "AnyObservation",
    "Body",
    "BodyCheck",
    "Box",
    "CaptureTime",
    "CaseDraft",
    "CaseView",
    "Conversation",
    "Delivery",
    "Device",
    "DeviceHint",
    "Direction",
    "DomainEvent",
    "EvidenceRef",
    "Fields",
    "Frame",
    "FrameCapture",
    "Health",
    "Heard",
    "HttpReply",
    "HttpRequest",
    "HttpResponse",
    "Image",
    "ImageRole",
    "IncidentType",
    "IndonesianPlate",
    "MalformedPayload",
    "NotAllowed",
    "Notice",
    "Observation",
    "Outbound",
    "Part",
    "PartStream",
    "Passage",
    "Payload",
    "PlateRead",
    "Plugin",
    "PluginCommand",
    "PluginConfig",
    "PluginContext",
    "PluginPage",
    "PluginRoute",
    "Recipient",
    "Recognition",
    "Refused",
    "RouteRequest",
    "Secret",
    "Sighting",
    "SinkConfig",
    "Status",
    "StreamConnect",
    "StreamConnection",
    "StreamHead",
    "StreamPart",
    "SyncReceipt",
    "TangkapinError",
    "TimeSource",
    "Told",
    "Transient",
    "Unbuildable",
    "Undeliverable",
    "UnsupportedEvent",
    "VendorView",
    "Verdict",
    "ViolationType",
    "XmlNode",
    "as_text",
    "check_answer",
    "count_scans",
    "decode_base64_image",
    "decode_json",
    "hookimpl",
    "is_later",
    "is_multipart",
    "measure",
    "named_values",
    "normalise_plate",
    "objects",
    "on_this_machine",
    "parse_xml",
    "percent",
    "percent_of_fraction",
    "picture_parts",
    "publish_realtime",
    "read_answer",
    "read_body",
    "read_epoch",
    "read_form",
    "read_indonesian_plate",
    "read_look_up",
    "read_moment",
    "read_picture",
    "read_status",
    "read_time",
    "realtime_event",
    "recognise_by_marks",
    "records",
    "repair_plate",
    "retry_after_s",
    "sniff",
    "split_jpegs",
    "split_parts",
    "stream_payloads",
    "sum_up",
    "within_one_edit",
]
