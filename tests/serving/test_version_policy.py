"""Which versions are served and which can be unloaded."""

import pytest

from serving.version_policy import Policy, unloadable

PRESENT = [1, 2, 3, 7]


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("latest:1", {7}), ("latest:2", {3, 7}), ("latest:9", {1, 2, 3, 7}),
        ("all", {1, 2, 3, 7}), ("specific:2", {2}), ("specific:2,5,7", {2, 7}),
    ],
)  # fmt: skip
def test_aspired_versions(text, versions):
    assert Policy.parse(text).aspired_versions(PRESENT) == versions
    assert Policy.parse(text).aspired_versions([]) == set()


@pytest.mark.parametrize("text", ["latest:0", "latest:-1", "latest:", "specific:x", "newest", ""])
def test_invalid_policies(text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        Policy.parse(text)


@pytest.mark.parametrize(
    ("loaded", "aspired", "present", "expected"),
    [
        ({1}, {2}, {1, 2}, set()),  # 2 is not loaded yet
        ({1, 2}, {2}, {1, 2}, {1}),
        ({1}, set(), set(), set()),  # the folder is empty
        ({1, 2}, {2, 3}, {1, 2, 3}, set()),  # 3 is broken: 1 is its fallback
        ({1, 2}, {2, 3}, {2, 3}, {1}),  # 1 was removed from disk
        ({1, 2, 3}, {2, 3}, {1, 2, 3}, {1}),
        ({2}, {1}, {1}, set()),  # a rollback that is not loaded yet
        ({1, 2}, {1}, {1}, {2}),
        ({1, 2, 3}, {3, 4}, {1, 2, 3, 4}, {1}),
    ],
)
def test_unloadable_versions(loaded, aspired, present, expected):
    assert unloadable(loaded, aspired, present) == expected
