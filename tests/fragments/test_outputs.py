"""Templates that make one output for each key that a text gives."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Trees

PATH = "/etc/peers/{key}"
USERS = 'outputs = """\nfirst\n{% for user in records(\'accounts:user\') %}\n{{ user.key }}\n{% endfor %}\n"""\n'


@pytest.fixture
def peers(trees: Trees) -> Trees:
    """A template with an output for the key "first", and one for each user."""
    trees.standard(f"{PATH}/template-begin")
    trees.standard(f"{PATH}/template.toml", USERS)
    trees.standard(f"{PATH}/10a", "this is {{ key }} of {{ DomainName }}\n")
    return trees


def _outputs(trees: Trees, path: str = PATH) -> dict[str, bytes]:
    return {rendering.path: rendering.content for rendering in trees.renderer().render(path)}


def test_one_output_for_each_line(peers: Trees) -> None:
    """There is an output for each line of the text, with the key in the path and as a variable."""
    assert _outputs(peers) == {
        "/etc/peers/first": b"this is first of example.com\n",
        "/etc/peers/Zoe": b"this is Zoe of example.com\n",
        "/etc/peers/tom": b"this is tom of example.com\n",
    }


def test_empty_lines_blanks_and_repetitions_give_nothing_more(peers: Trees) -> None:
    """A key that is given twice is one output; blanks around it do not belong to it."""
    peers.standard(f"{PATH}/template.toml", 'outputs = "\\n  b \\n\\na\\nb\\n"\n')
    assert list(_outputs(peers)) == ["/etc/peers/b", "/etc/peers/a"]


def test_no_key_no_output(peers: Trees) -> None:
    """A text without a key is not a mistake: there is nothing to make."""
    peers.standard(f"{PATH}/template.toml", "outputs = \"{{ 'x' if DomainName == 'other' else '' }}\"\n")
    assert _outputs(peers) == {}


def test_one_of_them_by_its_path(peers: Trees) -> None:
    """The path of one output expands that one; another one's key is an error that names the file with the keys."""
    assert _outputs(peers, "/etc/peers/tom") == {"/etc/peers/tom": b"this is tom of example.com\n"}
    error = peers.error("/etc/peers/nobody")
    assert "does not give 'nobody'" in error.message
    assert error.place == str(peers.place("templates", f"{PATH}/template.toml"))


def test_a_template_beside_it_goes_first(peers: Trees) -> None:
    """A template of the same directory without ``{key}`` is expanded by its own metadata."""
    peers.standard("/etc/peers/first/10a", "mine\n")
    peers.standard("/etc/peers/first/template-begin")
    assert _outputs(peers, "/etc/peers/first") == {"/etc/peers/first": b"mine\n"}


def test_the_text_may_come_from_another_template(peers: Trees) -> None:
    """``template()`` gives the keys, so that several templates share them."""
    peers.standard("/inner/keys", "{{ one }}\n{{ DomainName }}\n")
    peers.standard(f"{PATH}/template.toml", "outputs = \"{{ template('/inner/keys', one='x') }}\"\n")
    assert list(_outputs(peers)) == ["/etc/peers/x", "/etc/peers/example.com"]


@pytest.mark.parametrize("key", ["../../passwd", "a/b", ".", ".."])
def test_a_key_that_would_lead_elsewhere(peers: Trees, key: str) -> None:
    """A key that cannot be one name of a path is an error that names the file with the keys."""
    place = peers.standard(f"{PATH}/template.toml", f'outputs = "{key}"\n')
    error = peers.error(PATH)
    assert (error.place, repr(key) in error.message) == (str(place), True)


def test_what_the_text_reads_counts_for_each_output(peers: Trees) -> None:
    """Each output depends on what its keys were made of, and has the warnings of their making."""
    text = "{{ warn('few') }}{% for user in records('accounts:user') %}{{ user.key }}\\n{% endfor %}"
    peers.standard(f"{PATH}/template.toml", f'outputs = "{text}"\n')
    for rendering in peers.renderer().render(PATH):
        assert ("accounts", "user") in rendering.reads.listings
        assert ("configuration", "DomainName", "") in rendering.reads.props
        assert rendering.warnings == ["few"]


def test_a_mistake_in_the_text(peers: Trees) -> None:
    """A missing value in the text is an error that names the file and the value."""
    place = peers.standard(f"{PATH}/template.toml", 'outputs = "{{ qpsmtpd.Nosuch }}"\n')
    error = peers.error(PATH)
    assert error.place.startswith(str(place))
    assert "no property 'Nosuch'" in error.message


@pytest.mark.parametrize(
    ("path", "metadata", "part"),
    [
        ("/etc/one", 'outputs = "a"\n', "outputs needs {key}"),
        (PATH, 'outputs = "a"\nforeach = "accounts:user"\n', "exclude each other"),
        (PATH, 'outputs = ["a"]\n', "outputs must be a string, not ['a']"),
        (PATH, 'outputs = ""\n', "outputs is empty, so nothing takes the place of {key}"),
    ],
    ids=["no place for the key", "with foreach", "a list", "nothing"],
)
def test_metadata_that_is_wrong(trees: Trees, path: str, metadata: str, part: str) -> None:
    """``outputs`` needs a place for the key, is a text, and does not go with ``foreach``; the error says so."""
    trees.standard(f"{path}/10a", "text\n")
    place = trees.standard(f"{path}/template.toml", metadata)
    error = trees.error(path)
    assert (error.place, part in error.message) == (str(place), True)
