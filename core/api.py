"""All that plugins may import (tests also `core.testing`). Out-of-tree authors write `from tangkapin import …`."""

from core.domain.answers import Answer, BodyCheck, Recognition
from core.domain.camera_time import CaptureTime, read_epoch, read_time
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
from core.domain.confidence import percent
from core.domain.errors import (
    MalformedPayload,
    Refused,
    TangkapinError,
    Transient,
    Unbuildable,
    UnsupportedEvent,
)
from core.domain.events import DomainEvent, Health
from core.domain.images import decode_base64_image, measure, sniff, split_jpegs
from core.domain.multipart import Part, is_multipart, split_parts
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
from core.domain.plates import IndonesianPlate, normalise_plate, read_indonesian_plate, repair_plate, within_one_edit
from core.domain.receipts import read_answer, read_look_up, read_status, retry_after_s
from core.hooks.plugin import Plugin, PluginConfig, PluginContext, Secret, SinkConfig
from core.hooks.specs import hookimpl
from core.safe_json import decode_json
from core.xml import XmlNode, parse_xml

__all__ = [
    "Alarm",
    "Answer",
    "AnyObservation",
    "BodyCheck",
    "CaptureTime",
    "CaseDraft",
    "CaseView",
    "Device",
    "DeviceHint",
    "Direction",
    "DomainEvent",
    "EvidenceRef",
    "FrameCapture",
    "Health",
    "HttpRequest",
    "HttpResponse",
    "Image",
    "ImageRole",
    "IndonesianPlate",
    "MalformedPayload",
    "Observation",
    "Part",
    "Passage",
    "Payload",
    "PlateRead",
    "Plugin",
    "PluginConfig",
    "PluginContext",
    "Recognition",
    "Refused",
    "Secret",
    "SinkConfig",
    "Status",
    "SyncReceipt",
    "TangkapinError",
    "TimeSource",
    "Transient",
    "Unbuildable",
    "UnsupportedEvent",
    "VendorView",
    "Verdict",
    "ViolationType",
    "XmlNode",
    "decode_base64_image",
    "decode_json",
    "hookimpl",
    "is_multipart",
    "measure",
    "normalise_plate",
    "parse_xml",
    "percent",
    "read_answer",
    "read_epoch",
    "read_indonesian_plate",
    "read_look_up",
    "read_status",
    "read_time",
    "repair_plate",
    "retry_after_s",
    "sniff",
    "split_jpegs",
    "split_parts",
    "within_one_edit",
]
