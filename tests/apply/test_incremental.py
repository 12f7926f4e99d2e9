"""Whatever changes, an event that expands only what may have changed leaves what expanding everything gives."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest

from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind
from tests.apply.kit import Bench, look
from tests.examples import examples

#: The keys of several templates, made in one place: a local network is one that has a mask.
CLIENTS = """\
127.0.0.1
{% for network in records('networks:network') if network.Mask %}{{ network.key }}
{% endfor %}
{% if GatewayIP %}{{ warn('a gateway') }}{{ GatewayIP }}{% endif %}
"""
OUTPUTS = "outputs = \"{{ template('/clients') }}\"\n"
FOREACH = 'foreach = "networks:network"\n'
LINKS = "/etc/peers/{key}"
#: Templates as shipped: fragments and metadata.
SHIPPED = {
    LINKS: ("{{ '0' if key == GatewayIP else 'local' }}", f'{OUTPUTS}kind = "symlink"\n'),
    "/etc/nets/{key}": (
        "{{ key }} {{ db.networks[key].Mask | default('') }} {{ db.networks.n1.Mask | default('') }}",
        OUTPUTS,
    ),
    "/etc/when/{key}": ("{{ key }}", f"{OUTPUTS}delete-when = \"exists('/etc/flag')\"\n"),
    "/etc/skip/{key}": ("{{ key }}", f"{OUTPUTS}skip-when = \"exists('/etc/flag')\"\n"),
    "/etc/one/{key}": ("{{ record.Mask or 'none' }}{{ warn('gone') if not record.Mask }}", FOREACH),
    "/etc/named/{key}": (
        "{{ record.Mask or 'none' }}",
        f'{FOREACH}key = "{{{{ record.Alias or (record.key if GatewayIP) }}}}"\n',
    ),
    "/etc/all": ("{% for one in records('networks') %}{{ one.key }} {{ one.Mask or '' }}\n{% endfor %}", ""),
    "/etc/clients": ("{{ template('/clients') }}", ""),
}
OPEN = (
    "require esmith::NetworksDB; my $db = esmith::NetworksDB->open_ro; "
    "my @keys = map { $_->key } $db ? $db->networks : ();"
)
PERL = {
    "/etc/perl": (f"{{ {OPEN} join ' ', @keys }}", ""),
    "/etc/perls/{key}": ("{ $key . ($GatewayIP || '') }", OUTPUTS),
}
#: What a custom layer has in the place of a fragment, or besides.
CUSTOM = {
    "another's record": "{{ db.networks.n2.Mask | default('none') }}",
    "another's name": "{{ db.networks.n3.type or 'gone' }}",
    "the whole list": "{{ records('networks:network') | map(attribute='key') | join(' ') }}",
    "properties": "{% for name, value in db.networks.n1 | properties %}{{ name }}={{ value }}{% endfor %}",
    "the clients": "{{ template('/clients') | replace('\\n', ' ') }}",
    "a file": "{{ read('/etc/flag') | default('no flag') }} {{ glob('/etc/fl*') | length }}",
    "masked": "",
    "plain": "plain",
}
#: Metadata that a custom layer has instead.
KEYS = {
    "fixed": 'outputs = "a\\nn1\\n"\n',
    "none": "outputs = \"{{ '' }}\"\n",
    "of another network": "outputs = \"b\\n{{ db.networks.n2.Mask | default('') | replace('/', '-') }}\"\n",
    "the types": "outputs = \"{% for one in records('networks') %}{{ one.type }}\\n{% endfor %}\"\n",
    "mode": 'mode = "0600"\n',
    "in Perl": "outputs = \"{{ template('/perl-keys') }}\"\n",
}
MASKS = ["24", "16", "8", ""]


class Walk:
    """Random changes of one root, of which each is followed by an event for some templates.

    :param bench: the root.
    :param seed: of the random numbers.
    :param with_perl: whether Perl can run.
    """

    def __init__(self, bench: Bench, seed: int, *, with_perl: bool) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.done: list[str] = []
        self._times = 0
        self.with_perl = with_perl
        self.templates = {**SHIPPED, **PERL} if with_perl else SHIPPED
        bench.trees.standard("/etc/template.toml", "services = []\n")
        bench.trees.standard("/clients", CLIENTS)
        bench.trees.standard("/perl-keys", f"{{ {OPEN} join qq(\\n), 'p', @keys }}")
        for path, (text, metadata) in self.templates.items():
            bench.template(path, f"{text}\n", metadata)

    def change(self) -> None:
        """Change one thing."""
        steps = (
            *(self._network,) * 6,
            *(self._lose_network,) * 3,
            *(self._alias,) * 2,
            self._gateway,
            *(self._fragment,) * 2,
            self._keys,
            self._clients,
            self._flag,
            self._file,
        )
        self.random.choice(steps)()

    def event(self) -> None:
        """Have some or all templates expanded where they may have changed; compare with all of them expanded again."""
        paths = sorted(self.templates)
        if self.random.randrange(4) == 0:
            paths = self.random.sample(paths, self.random.randint(1, len(paths)))
        self.done.append(f"event {' '.join(paths)}")
        with self.bench.store.snapshot() as snapshot, Renderer(self.bench.layout, snapshot) as renderer:
            before = {path: list(renderer.render(path)) for path in paths}
        warnings = self.bench.plan(*paths).warnings
        self.bench.apply(*paths)
        assert set(warnings) == {
            f"{one.path}: {text}"
            for text in {text for made in before.values() for one in made for text in one.warnings}
            for one in [next(one for made in before.values() for one in made if text in one.warnings)]
        }, self.story
        for path, made in before.items():
            expected = {one.path: one for one in made if one.kind is not Kind.ABSENT}
            for one in expected.values():
                found = look(self.bench.file(one.path))
                if one.kind is not Kind.LEFT:
                    kind = "link" if one.kind is Kind.SYMLINK else "file"
                    mode = 0 if one.kind is Kind.SYMLINK else one.mode
                    assert found == (kind, one.content, mode), f"{one.path} {self.story}"
            folder = self.bench.file(path).parent
            if folder.name != "etc":
                names = {place.name for place in folder.iterdir()}
                assert names <= {os.path.basename(name) for name in expected}, f"{path} {self.story}"
        plan = self.bench.plan(*paths)
        assert plan.changed == [], self.story

    @property
    def story(self) -> str:
        """What was done so far, the last of it."""
        return "\n".join(self.done[-40:])

    def _network(self) -> None:
        key, type = f"n{self.random.randrange(6)}", self.random.choice(["network"] * 4 + ["other"])
        props = {"Mask": self.random.choice(MASKS), "Alias": self.random.choice(["", f"a{self.random.randrange(3)}"])}
        self.done.append(f"set {key} {type} {props}")
        self.bench.set("networks", key, type, **{name: value for name, value in props.items() if value})

    def _lose_network(self) -> None:
        key = f"n{self.random.randrange(6)}"
        self.done.append(f"delete {key}")
        self.bench.delete("networks", key)

    def _alias(self) -> None:
        """Have two networks change their names with one another."""
        keys = self.random.sample([f"n{number}" for number in range(6)], 2)
        names = self.random.sample(["a0", "a1", "a2", ""], 2)
        self.done.append(f"names of {keys}: {names}")
        for key, name in zip(keys, names, strict=True):
            self.bench.set("networks", key, "network", Mask=self.random.choice(MASKS[:3]), Alias=name)

    def _gateway(self) -> None:
        value = self.random.choice(["", "n1", "10.0.0.1"])
        self.done.append(f"gateway {value}")
        if value:
            self.bench.set("configuration", "GatewayIP", value)
        else:
            self.bench.delete("configuration", "GatewayIP")

    def _fragment(self) -> None:
        path = self.random.choice([path for path in self.templates if path not in PERL])
        name, what = self.random.choice(["10a", "50z"]), self.random.choice(["nothing", *CUSTOM])
        if path == LINKS:
            # The text of a link is one line.
            name, what = "10a", self.random.choice(["nothing", "plain", "another's record", "another's name"])
        self.done.append(f"custom {path}/{name}: {what}")
        self._put(self.bench.trees.place("templates-custom", f"{path}/{name}"), CUSTOM.get(what))

    def _keys(self) -> None:
        path = self.random.choice([path for path in self.templates if "outputs" in self.templates[path][1]])
        what = self.random.choice(["as shipped", *(name for name in KEYS if name != "in Perl" or self.with_perl)])
        self.done.append(f"keys of {path}: {what}")
        self._put(self.bench.trees.place("templates-custom", f"{path}/template.toml"), KEYS.get(what))

    def _clients(self) -> None:
        text = self.random.choice([CLIENTS, CLIENTS.replace("127.0.0.1", "127.0.0.2"), CLIENTS + "{{ warn('more') }}"])
        self.done.append("clients")
        self._put(self.bench.trees.place("templates", "/clients"), text)

    def _flag(self) -> None:
        place = self.bench.file("/etc/flag")
        self.done.append(f"flag {not place.exists()}")
        self._put(place, None if place.exists() else "flag")

    def _file(self) -> None:
        """Edit or remove a file that was made."""
        made = [place for place in sorted(self.bench.file("/etc/x").parent.rglob("*")) if _is_made(place)]
        if made:
            place = self.random.choice(made)
            what = self.random.choice(["edit", "remove", "mode"])
            self.done.append(f"{what} {place}")
            if what == "edit" or place.is_symlink():
                place.unlink()
                self._put(place, f"edited {self._times}")
            elif what == "mode":
                place.chmod(0o640)
            else:
                place.unlink()

    def _put(self, place: Path, text: str | None) -> None:
        """Write or remove a file; its time is none that another one had."""
        self._times += 1
        if text is None:
            place.unlink(missing_ok=True)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text if not text or text.endswith("\n") else f"{text}\n")
        os.utime(place, ns=(self._times, self._times))


def _is_made(place: Path) -> bool:
    return not stat.S_ISDIR(place.lstat().st_mode) and place.name != "flag" and "e-smith" not in place.parts


@pytest.fixture
def walked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root in which what is younger than a second is trusted, which would make every step wait."""
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    return bench


def _walk(bench: Bench, number: int, *, with_perl: bool) -> None:
    walk = Walk(bench, seed=number, with_perl=with_perl)
    walk.event()
    for _ in range(number):
        for _ in range(walk.random.choice([1, 1, 1, 2, 5])):
            walk.change()
        walk.event()


@pytest.mark.parametrize("number", [examples(200), pytest.param(5000, marks=pytest.mark.long)])
def test_an_event_leaves_what_expanding_everything_gives(walked: Bench, number: int) -> None:
    """After random changes of networks, layers and files, each file is as if all were expanded, and nothing else is."""
    _walk(walked, number, with_perl=False)


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("number", [examples(40), pytest.param(500, marks=pytest.mark.long)])
def test_perl_among_it(walked: Bench, number: int) -> None:
    """The same where some fragments, and what makes the keys, are in Perl: what it reads nobody knows."""
    _walk(walked, number, with_perl=True)
