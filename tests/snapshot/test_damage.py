"""Snapshots that are damaged, or made to do harm, are refused, all of them."""

import hashlib
import json
import random
import re

import numpy as np
import pytest
import safetensors
from snapshot_models import MODELS, learn, rows

from stream.errors import SnapshotError
from stream.snapshot import dumps, load, loads

NO_HASH = b"0" * 64


@pytest.fixture(scope="module")
def snapshots():
    """The bytes of a model of every kind."""
    found = {}
    for name in ("tree", "ihomer", "partitioner"):
        model = MODELS[name]()
        learn(model, rows(900)[:600])
        found[name] = dumps(model)
    return found


def header_of(data):
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def signed(header, body):
    """A file with a valid hash, whatever is in it."""
    header["__metadata__"]["sha256"] = NO_HASH.decode()
    text = json.dumps(header, separators=(",", ":")).encode()
    data = len(text).to_bytes(8, "little") + text + body
    return data.replace(NO_HASH, hashlib.sha256(data).hexdigest().encode(), 1)


def changed(data, change):
    """A file with valid hash whose arrays (by name) and document ``change`` has changed."""
    tensors = dict(safetensors.deserialize(bytes(data)))
    dtypes = {"F64": "f8", "F32": "f4", "I64": "i8", "I32": "i4", "U32": "u4", "U8": "u1"}
    dtypes |= {"BOOL": "?"}
    arrays = {
        name: np.frombuffer(bytearray(each["data"]), dtypes[each["dtype"]]).reshape(each["shape"])
        for name, each in tensors.items()
    }
    document = json.loads(arrays.pop("document").tobytes())
    change(arrays, document)
    arrays["document"] = np.frombuffer(json.dumps(document).encode(), np.uint8)
    header, body, names = {"__metadata__": header_of(data)[0]["__metadata__"]}, b"", dtypes.items()
    for name, array in sorted(arrays.items(), key=lambda each: -each[1].itemsize):
        dtype = next(key for key, value in names if np.dtype(value) == array.dtype)
        end = len(body) + array.nbytes
        header[name] = {
            "dtype": dtype, "shape": list(array.shape), "data_offsets": [len(body), end]
        }  # fmt: skip
        body += array.tobytes()
    return signed(header, body)


def record(arrays, document, name, field):
    """A field of a record array, to be written to."""
    layouts = [
        each for each in document["records"] if any(entry[0] == field for entry in each["fields"])
    ]
    [layout] = layouts
    _, kind, offset = next(entry for entry in layout["fields"] if entry[0] == field)
    raw = arrays[name]
    dtype = np.dtype(
        {"names": ["x"], "formats": [kind], "offsets": [offset], "itemsize": layout["size"]}
    )
    return raw.reshape(-1).view(dtype)["x"]


def test_changed_without_a_change_loads(snapshots):
    """The tests below would pass with files that are refused for another reason."""
    for data in snapshots.values():
        assert dumps(loads(changed(data, lambda arrays, document: None))) == data


def test_every_truncation_is_refused(snapshots):
    """At every byte of the header, and here and there in what follows."""
    for data in snapshots.values():
        end = int.from_bytes(data[:8], "little") + 8
        for size in [*range(min(end, 5_000) + 1), *range(end, len(data), 9_973), len(data) - 1]:
            with pytest.raises(SnapshotError, match="cut short"):
                loads(data[:size])
        with pytest.raises(SnapshotError, match="damaged"):
            loads(data + b"\0")


def test_every_flip_of_a_bit_is_refused(snapshots):
    rng = random.Random(1)
    data = bytearray(snapshots["partitioner"])
    places = [*range(8 * 200), *(rng.randrange(8 * len(data)) for _ in range(3_400))]
    assert len(places) == 5_000
    for place in places:
        data[place // 8] ^= 1 << place % 8
        with pytest.raises(SnapshotError):
            loads(data)
        data[place // 8] ^= 1 << place % 8
    assert dumps(loads(data)) == bytes(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 7, b"PK\x03\x04" * 100, b"\xff" * 8 + b"{}" * 99, b'{"a": 1}' * 40],
    ids=["empty", "short", "zip", "endless header", "json"],
)
def test_other_files_are_refused(data):
    with pytest.raises(SnapshotError, match="does not begin as"):
        loads(data)


def test_files_of_other_writers_are_refused():
    header = {"__metadata__": {"format": "pt"}, "a": {"dtype": "U8", "shape": [0]}}
    with pytest.raises(SnapshotError, match="does not begin as"):
        loads(signed(header, b""))


def test_another_version_is_told():
    header, body = header_of(dumps(1))
    header["__metadata__"]["format"] = "drifthomer-snapshot-999"
    with pytest.raises(SnapshotError, match="version 999, this release reads"):
        loads(signed(header, body))


def test_size_limits(tmp_path, snapshots):
    """Memory is taken before the size is looked at."""
    data = snapshots["tree"]
    (tmp_path / "big").write_bytes(data)
    with pytest.raises(SnapshotError, match=f"it has {len(data)} bytes, more than the 1000"):
        loads(data, max_bytes=1_000)
    with pytest.raises(SnapshotError, match=r"big cannot be used: it has .*more than the 1000"):
        load(tmp_path / "big", max_bytes=1_000)
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SnapshotError, match="more than the"):
        load(tmp_path / "endless")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"shape": [1 << 62, 1 << 62]}, "not that of a snapshot"),
        ({"shape": [1 << 40]}, "not that of a snapshot"),
        ({"shape": [-1]}, "not that of a snapshot"),
        ({"data_offsets": [0, 1 << 50]}, "not that of a snapshot"),
        ({"data_offsets": [8, 0]}, "not that of a snapshot"),
        ({"dtype": "F8_E4M3"}, "not that of a snapshot"),
        ({"dtype": "BF16", "shape": [12]}, "not that of a snapshot"),
    ],
)
def test_absurd_sizes_are_refused(entry, message):
    header, body = header_of(dumps({"a": np.zeros(3)}))
    header["a"] |= entry
    with pytest.raises(SnapshotError, match=message):
        loads(signed(header, body))


def test_an_empty_array_of_absurd_shape_is_refused(snapshots):
    """A shape without a byte behind it that other arrays are then made by."""

    def change(arrays, document):
        for name in arrays:
            if re.search(r"learner\.growing\.tree\.(labels|stat_labels|weights)\.", name):
                arrays[name] = np.zeros((0, *arrays[name].shape[1:-1], 1 << 40), arrays[name].dtype)

    with pytest.raises(SnapshotError):
        loads(changed(snapshots["tree"], change))


TREE = "_learner.growing.tree."


def set_field(name, field, at, value):
    def change(arrays, document):
        record(arrays, document, TREE + name, field)[at] = value

    return change


def set_entry(name, at, value):
    def change(arrays, document):
        arrays[TREE + name][at] = value

    return change


def set_register(at, value):
    return set_entry("registers", at, value)


def swap_children(arrays, document):
    root = arrays[TREE + "registers"][0]
    left = record(arrays, document, TREE + "nodes", "left")
    right = record(arrays, document, TREE + "nodes", "right")
    right[root] = left[root]


def point_to_the_root(arrays, document):
    """A circle: the left child of the root's left child is the root."""
    root = arrays[TREE + "registers"][0]
    left = record(arrays, document, TREE + "nodes", "left")
    record(arrays, document, TREE + "nodes", "parent")[root] = left[root]
    left[left[root]] = root


def more_of_a_label_than_rows(arrays, document):
    leaf = record(arrays, document, TREE + "nodes", "leaf").max()
    arrays[TREE + "labels.n_present"][leaf, 0] = 1e6


def more_of_a_label_than_values(arrays, document):
    row = arrays[TREE + "stat_row"].max()
    arrays[TREE + "stat_labels.n_present"][row, 0] += 10_000


def sum_beyond_its_squares(arrays, document):
    row = arrays[TREE + "stat_row"].max()
    arrays[TREE + "stat_labels.sum_present"][row, 0] = 1e9


def no_first_value(arrays, document):
    arrays[TREE + "shift"][arrays[TREE + "stat_row"].max(axis=0) >= 0] = np.nan


def free_twice(arrays, document):
    registers = arrays[TREE + "registers"]
    registers[6] = 2
    arrays[TREE + "free_nodes"][:2] = 1


HARM = {
    "circle": point_to_the_root,
    "two parents": swap_children,
    "child out of range": set_field("nodes", "left", 0, 10**6),
    "child before the array": set_field("nodes", "left", 0, -5),
    "feature out of range": set_field("nodes", "feature", 0, 10**6),
    "threshold not finite": set_field("nodes", "threshold", 0, np.nan),
    "threshold infinite": set_field("nodes", "threshold", 0, np.inf),
    "leaf out of range": set_field("nodes", "leaf", slice(None), 999),
    "parent": set_field("nodes", "parent", slice(1, 5), 3),
    "alternate is the node": set_field("nodes", "alternate", 0, 0),
    "leaf of another node": set_field("leaves", "node", 0, 2),
    "weights of a leaf": set_field("leaves", "n_weights", 0, 10**9),
    "root out of range": set_register(0, 10**9),
    "root before the array": set_register(0, -1),
    "labels": set_register(1, 10**9),
    "nodes used": set_register(2, 10**9),
    "no nodes used": set_register(2, 0),
    "leaves used": set_register(3, 10**9),
    "statistics used": set_register(4, -1),
    "weights used": set_register(5, 1),
    "nodes free": set_register(6, 10**9),
    "statistics free": set_register(8, 3),
    "pending": set_register(15, 10**6),
    "a change that is left to be made": set_register(15, 1),
    "branches beside nodes": set_register(14, 3),
    "more of a label than rows": more_of_a_label_than_rows,
    "more of a label than values": more_of_a_label_than_values,
    "sum beyond its squares": sum_beyond_its_squares,
    "no first value": no_first_value,
    "slot freed twice": free_twice,
    "row of statistics": set_entry("stat_row", (0, 0), 10**6),
    "row of statistics before": set_entry("stat_row", (0, 0), -7),
    "row of weights": set_entry("weight_row", (0, 0), 10**6),
    "rows shared": set_entry("stat_row", slice(None), 0),
    "buckets": set_entry("adwins.n_buckets", (0, 0), 10**6),
    "buckets before": set_entry("adwins.n_buckets", (0, 0), -1),
    "levels": set_field("adwins.detectors", "n_levels", 0, 10**6),
    "window": set_field("adwins.detectors", "width", 0, -1),
}


@pytest.mark.parametrize("name", HARM)
def test_trees_that_would_do_harm_are_refused(name, snapshots):
    """A kernel that writes out of its arrays, or walks in a circle for ever."""
    with pytest.raises(SnapshotError, match="does not fit together"):
        loads(changed(snapshots["tree"], HARM[name]))


def no_object(state):
    """What is kept of a state, without the name of its class."""
    del state["growing"]["state"]["tree"]["state"]["weights"]["$object"]


def many_labels(state):
    state["trees"]["state"]["n_labels"] = 2**62


@pytest.mark.parametrize(("kind", "harm"), [("tree", no_object), ("ihomer", many_labels)])
def test_states_that_are_none_are_refused(kind, harm, snapshots):
    """Kernels that are called with what is no state; lists of as many numbers as a file says."""

    def change(arrays, document):
        harm(document["value"]["state"]["_learner"]["state"])

    with pytest.raises(SnapshotError, match=r"must be a Weights|each label is in one cluster"):
        loads(changed(snapshots[kind], change))


@pytest.mark.parametrize("axis", [0, -1])
def test_arrays_of_other_shapes_are_refused(axis, snapshots):
    """Each array by itself is cut by one."""
    names = [
        name
        for name, each in header_of(snapshots["tree"])[0].items()
        if name.startswith("_") and name != "__metadata__" and 0 not in each["shape"]
    ]
    assert len(names) > 20
    for name in names:

        def change(arrays, document, name=name):
            array = arrays[name]
            arrays[name] = np.ascontiguousarray(np.delete(array, array.shape[axis] - 1, axis=axis))

        with pytest.raises(SnapshotError):
            loads(changed(snapshots["tree"], change))


@pytest.mark.parametrize("kind", ["tree", "ihomer", "partitioner"])
def test_any_number_of_structure_may_be_wrong(kind, snapshots):
    """Wrong numbers at random places are refused, or make a model that works: none crashes."""
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(60):

        def change(arrays, document):
            names = sorted(name for name in arrays if arrays[name].size)
            whole = [name for name in names if arrays[name].dtype.kind in "iu"]
            array = arrays[whole[rng.integers(len(whole))]].reshape(-1)
            limits = np.iinfo(array.dtype)
            values = [v for v in (-2, -1, 0, 1, 2, 77, 2**30) if limits.min <= v <= limits.max]
            array[rng.integers(len(array))] = rng.choice(values)

        try:
            model = loads(changed(snapshots[kind], change))
        except SnapshotError:
            refused += 1
        else:
            learn(model, rows(900)[600:620])
    assert refused > 5


def set_state(*path, value):
    def change(arrays, document):
        here = document["value"]
        for key in path[:-1]:
            here = here[key]
        here[path[-1]] = value

    return change


def lose(*path):
    def change(arrays, document):
        here = document["value"]
        for key in path[:-1]:
            here = here[key]
        del here[path[-1]]

    return change


DOCUMENTS = {
    "unknown class": set_state("$object", value="os.system"),
    "class of another": set_state("$object", value="IHOMER"),
    "parameter": set_state("state", "tau", value=-1.0),
    "parameter of the learner": set_state("state", "grace_period", value=7),
    "attribute lost": lose("state", "_learner"),
    "parameter lost": lose("state", "delta"),
    "names lost": set_state("state", "_names", "state", "labels", "state", "names", value=[]),
    "names twice": set_state(
        "state", "_names", "state", "features", "state", "names", value=["a", "a"]
    ),
    "learner is a text": set_state("state", "_learner", value="tree"),
    "room for features": set_state(
        "state", "_learner", "state", "rows", "state", "n_features", value=10**12
    ),
    "number is a text": set_state(
        "state", "_learner", "state", "rows", "state", "n_features", value="many"
    ),
    "array lost": set_state("state", "_learner", value={"$array": "nowhere"}),
    "tag": set_state("state", "_learner", value={"$eval": "1"}),
    "tag with too much": set_state("state", "_learner", value={"$int": "0x1", "base": 3}),
    "number told wrongly": set_state("state", "_learner", value={"$same": 99}),
    "keys twice": set_state("state", "seed", value={"$dict": [[1]], "values": []}),
    "hash of a list": set_state("state", "seed", value={"$set": [[1]]}),
    "not a float": set_state("state", "tau", value={"$float": "1.0"}),
    "not base64": set_state("state", "tau", value={"$bytes": "~"}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_that_would_do_harm_are_refused(name, snapshots):
    """A class that is made from a name in the file; attributes that are missed only when a row is
    learnt."""
    with pytest.raises(SnapshotError):
        loads(changed(snapshots["tree"], DOCUMENTS[name]))


def test_endless_nesting_is_refused():
    header, _ = header_of(dumps(1))
    text = b'{"records":[],"value":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    header["document"] |= {"shape": [len(text)], "data_offsets": [0, len(text)]}
    with pytest.raises(SnapshotError):
        loads(signed(header, text))


def other_clusters(arrays, document):
    name = next(name for name in arrays if name.endswith("current.cluster_of"))
    arrays[name][0] += 1


def labels_twice(arrays, document):
    clusters = "_learner.trees.clusters"
    for cluster in ("1", "1.experts.0.parts.0"):
        arrays[f"{clusters}.{cluster}.labels"][0] = arrays[f"{clusters}.0.labels"][0]


def hierarchy_in_a_circle(arrays, document):
    table = "_learner.trees.partition.current.tree.nodes."
    arrays[table + "children"][0] = arrays[table + "id"][0]


def hierarchy_with_lists_cut(arrays, document):
    arrays["_learner.trees.partition.current.tree.nodes.n_labels"][-1] -= 1


PARTITIONS = [other_clusters, labels_twice, hierarchy_in_a_circle, hierarchy_with_lists_cut]


@pytest.mark.parametrize("change", PARTITIONS)
def test_partitions_that_are_none_are_refused(change, snapshots):
    with pytest.raises(SnapshotError, match="does not fit together"):
        loads(changed(snapshots["ihomer"], change))
