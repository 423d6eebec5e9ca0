"""What yente does with our index, by its own classes, without a search engine. Runs among its own
packages: `consumer.py INDEX_URL TOKEN STATE`, once for everything, then again for what changed.

An index of documents is kept in STATE, and one that must be loaded anew when it need not is an
error; so is to delete what is not there, which makes a search engine refuse.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from yente.data.manifest import Catalog, Manifest
from yente.data.updater import DatasetUpdater
from yente.search.indexer import build_entity_action


async def _apply(updater: DatasetUpdater, documents: dict[str, Any]) -> dict[str, int]:
    dataset = updater.dataset
    counts = {"ADD": 0, "MOD": 0, "DEL": 0}
    async for data in updater.load():
        counts[data["op"]] += 1
        action = build_entity_action(
            "index", data["op"], data["entity"], set(dataset.dataset_names), dataset
        )
        if action is None:
            raise SystemExit(f"refused: {data}")
        if action.get("_op_type") == "delete":
            del documents[action["_id"]]
        else:
            plain = json.dumps(action["_source"], default=sorted)
            document = documents[action["_id"]] = json.loads(plain)
            if "first_seen" in document:  # what is put to be deleted has no times
                assert document["first_seen"] <= document["last_change"] <= document["last_seen"]
            # Of what does not change, operations say nothing: only who loads everything has it.
            document.pop("last_seen", None)
    return counts


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(one) for one in value), key=json.dumps)
    return value


async def _run(url: str, token: str, kept: dict[str, Any] | None) -> dict[str, Any]:
    """What is to be kept, and beside it what was done."""
    wanted = {"url": url, "auth_token": token, "resource_name": "entities.ftm.json"}
    catalog = await Catalog.load(Manifest.model_validate({"catalogs": [wanted]}))
    (dataset,) = catalog.datasets
    whole: dict[str, Any] = {}
    updater = await DatasetUpdater.build(dataset, None)
    assert updater.needs_update()
    # It is compared with what was read, or the index is dropped.
    assert dataset.model.entities_checksum is not None
    full = await _apply(updater, whole)
    assert all("first_seen" in one for one in whole.values())
    said: dict[str, Any] = {"version": updater.target_version, "documents": len(whole)}
    if kept is None:
        said["full"] = full
    else:
        step = await DatasetUpdater.build(dataset, kept["version"])
        assert step.is_incremental, "it would load everything anew"
        assert step.needs_update()
        said["steps"] = await _apply(step, kept["documents"])
        assert kept["documents"].keys() == whole.keys()
        other = [one for one in whole if _sorted(kept["documents"][one]) != _sorted(whole[one])]
        assert not other, [(kept["documents"][one], whole[one]) for one in other[:1]]
        assert step.target_version == updater.target_version == dataset.model.version
        again = await DatasetUpdater.build(dataset, step.target_version)
        assert not again.needs_update()
    return {"said": said, "version": updater.target_version, "documents": whole}


def main(url: str, token: str, state: Path) -> None:
    """One visit."""
    kept = json.loads(state.read_text()) if state.exists() else None
    done = asyncio.run(_run(url, token, kept))
    state.write_text(json.dumps(done))
    sys.stdout.write(json.dumps(done["said"]) + "\n")


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
