"""``stratus ask``: answered by the engine that runs on the journal, else by a look that cannot write."""

from __future__ import annotations

from asyncio import to_thread
from pathlib import Path

import pytest

from stratus.cli.assembly import running_engine
from stratus.cli.main import main
from stratus.cli.minds import conductor_for
from stratus.cli.settings import Settings
from stratus.journal import open_reader
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.serve import serving, write_kubeconfig

QUESTION = ("ask", "what", "is", "wrong", "with", "web?")
WEB = {
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "localhost:5000/pause:3.2"}]},
        },
    },
}


async def test_the_agents_answer_with_and_without_an_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = EmbeddedCluster(applications=())
    kubeconfig, journal = tmp_path / "kubeconfig", tmp_path / "journal.db"
    async with serving(cluster) as access:
        cluster.api.create("deployments.apps", "default", WEB)
        write_kubeconfig(access, kubeconfig)
        options = ("--kubeconfig", str(kubeconfig), "-n", "default", "--journal", str(journal))
        assert await to_thread(main, [*QUESTION, *options]) == 0
        alone = capsys.readouterr().out
        assert "default/deployment/web: 0 of 0 ready." in alone
        assert not journal.exists()
        settings = Settings(kubeconfig=str(kubeconfig), namespaces=("default",), journal=str(journal))
        async with running_engine(settings) as running:
            conductor_for(settings, running.engine, once=False)
            assert await to_thread(main, [*QUESTION, *options]) == 0
        assert capsys.readouterr().out == alone
    reader = open_reader(journal)
    assert [each.event.event for each in reader.read(0, 100)].count("command.handled") == 1
    reader.close()
