#!/usr/bin/env python3
"""Checks that Hugging Face's library reads the scores of a model card, and takes its ids of data sets: compares the front matter of DIR/README.md with
the table below it.

    card.py DIR
"""

import re
import sys
from pathlib import Path

from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id

# A row of the table: a name, the score, and beside it that of real images, which older cards lack.
SCORE = r"^\| ([a-z ]+) \| (-?[0-9]+\.[0-9]{3,5}) \|(?: [-0-9.]+ \|)?$"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(sys.argv[1]) / "README.md"
    card, text = ModelCard.load(path).data, path.read_text()
    read = {result.metric_name: result.metric_value for result in card.eval_results or []}
    shown = {name: float(score) for name, score in re.findall(SCORE, text, re.M)}
    title = re.search(r"^# (.+)$", text, re.M)[1]
    for name in [*(card.datasets or []), *(result.dataset_type for result in card.eval_results or [])]:
        validate_repo_id(name)
    good = read == shown and (not read or card.model_name == title) and card.library_name == "duel"
    print(f"{'pass' if good else 'FAIL'}  {title}: {len(read)} scores in the front matter, {len(shown)} in the card")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
