"""The mapping plugin in a deployment: several makes by their own templates, wrong configs, the templates of its doc."""

import json
import re
from pathlib import Path

import msgspec
import pytest

import vendors.mapping
from core.domain.observations import Device
from core.hooks.deployment import Declared, read_deployment
from core.hooks.errors import PluginLoadError
from core.hooks.host import Host
from core.testing.fixtures import as_payload


def test_several_makes_are_several_instances_with_templates_of_their_own():
    declared = [
        Declared(id=maker, use="vendors.mapping", maker=maker, config={"fields": {"plate": path}})
        for maker, path in (("vaxtor", "lp"), ("nedap", "PLATE"))
    ]
    host = Host.build(declared, environ={})
    payload = as_payload(b'{"lp": "B1A", "plate": "B2B"}', "vaxtor")
    device = {m: Device(id=1, code="c", maker=m, vendor_id=1, vendor_code="v") for m in host.makers}

    assert {"nedap": "B2B", "vaxtor": "B1A"} == {
        m: host.parse_payload(msgspec.structs.replace(payload, device=d))[0].plate_number for m, d in device.items()
    }


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("[fields]\nplate = 'a[b'", "plate: path 'a[b' cannot be understood at '[b'"),
        ("[fields]\nplate = 'a'\ntime = ['t', '..']", "time: path '..' cannot be understood"),
        ("[fields]\nplat = 'a'", "unknown field `plat`"),
        ("[fields]\ntime = 't'", "missing required field `plate`"),
        ("each = ''", "missing required field `fields`"),
        ("each = 'v[?]'\n[fields]\nplate = 'a'", "each: path 'v[?]' cannot be understood"),
        ("images = [{path = 'a', role = 'number'}]\n[fields]\nplate = 'a'", "images[0].role"),
        ("[fields]\nplate = 'a'\n[directions]\n0 = 'toward'", "directions"),
        ("time_format = '%Q'\n[fields]\nplate = 'a'", "time_format"),
        ("[fields]\nplate = 'a'\n[extra]\nlist = ''", "extra.list: path '' names nothing"),
    ],
)
def test_a_wrong_config_is_refused_by_its_key(tmp_path, config, told):
    nested = config.replace("[", "[plugin.vaxtor.config.", 1) if config.startswith("[") else config
    nested = nested.replace("\n[", "\n[plugin.vaxtor.config.")
    head = "" if config.startswith("[") else "[plugin.vaxtor.config]\n"
    file = tmp_path / "plugins.toml"
    file.write_text(f'hooks = 1\n[plugin.vaxtor]\nuse = "vendors.mapping"\nmaker = "vaxtor"\n{head}{nested}\n')

    assert "vaxtor" == read_deployment(file)[0].make
    with pytest.raises(PluginLoadError) as error:
        Host.load(file, environ={})
    assert told in str(error.value) and "[plugin.vaxtor.config]" in str(error.value)


def test_the_templates_of_the_doc_load_and_read_a_body_like_they_say(tmp_path):
    text = Path(vendors.mapping.__path__[0], "doc.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "plugins.toml").write_text("hooks = 1\n" + "\n".join(blocks))
    host = Host.load(tmp_path / "plugins.toml", environ={})
    sent = {"plate": "B 1 A", "confidence": "91", "direction": "90", "time": "2026-03-02 17:20:00"}

    assert {"nedap": ("B1A", 91.0, "90"), "vaxtor": ("B1A", 91.0, None)} == {
        make: (read.plate_number, read.confidence, read.extra.get("direction_degrees"))
        for make in host.makers
        for read in host.parse_payload(as_payload(json.dumps(sent).encode(), make))
    }
