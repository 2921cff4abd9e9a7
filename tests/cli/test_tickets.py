"""Tickets: short texts whose words tell their labels."""

from __future__ import annotations

import csv
import json
import random

import pytest

from stream.cli import main

WORDS = {
    "billing": "invoice charge refund payment card receipt",
    "delivery": "parcel delivery courier shipment tracking address",
    "email": "email outlook inbox attachment mailbox spam",
    "login": "password login account locked reset username",
    "network": "wifi network router vpn cable connection",
    "printer": "printer paper toner jam cartridge print",
}
FILLERS = (
    "please help since yesterday my the a is not working again with and we need it today thanks "
    "hello urgent after update office colleague screen morning still"
)


def tickets(n, seed):
    rng = random.Random(seed)
    for _ in range(n):
        labels = rng.sample(sorted(WORDS), rng.choice((1, 1, 2)))
        words = [word for label in labels for word in rng.sample(WORDS[label].split(), 2)]
        words += rng.choices(FILLERS.split(), k=rng.randint(4, 10))
        rng.shuffle(words)
        yield " ".join(words).capitalize() + ".", labels


def write_csv(path, n=3000, seed=7):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "body", *WORDS])
        for i, (text, labels) in enumerate(tickets(n, seed)):
            writer.writerow([f"T-{i}", text, *(int(label in labels) for label in WORDS)])
    return [str(path), "--labels", ",".join(WORDS)]


def write_json_lines(path, n=3000, seed=7):
    lines = (
        json.dumps({"id": f"T-{i}", "body": text, "tags": labels})
        for i, (text, labels) in enumerate(tickets(n, seed))
    )
    path.write_text("\n".join(lines))
    return [str(path), "--labels", "tags"]


@pytest.mark.parametrize("write", [write_csv, write_json_lines])
@pytest.mark.parametrize("more", [[], ["--text-columns", "4096"]])
def test_words_tell_the_labels_of_tickets(tmp_path, capfd, write, more):
    """Each text was a feature of its own, and nothing could be learnt from one to the next."""
    data = write(tmp_path / ("t.csv" if write is write_csv else "t.jsonl"))
    out = str(tmp_path / "out.json")
    options = ["--text", "body", "--ignore", "id", *more, "--json", out]
    assert main(["prequential", *data, *options]) == 0
    assert "warning" not in capfd.readouterr().err
    with open(out) as file:
        assert json.load(file)["metrics"]["micro_f1"] >= 0.97
