"""Each command through kubectl and through the compiler: the server must answer both with the same objects."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.kubectl.conftest import Kubectl, Ours, with_flags
from tests.kubectl.normal import differences

pytestmark = pytest.mark.realcluster

SERVER_DRY_RUN = [
    "set image deployment/web main=localhost:5000/pause:9",
    "set image deploy/web main=a:1 side=b:2 setup=c:3",
    "set image deploy web *=x:1",
    "set image deploy,sts -l app=db main=x:1",
    "set image deploy --all main=x:1",
    "set image ds/agent sts/db main=x:1",
    "set env deploy/web MODE=slow",
    "set env deploy/web EXTRA=1 MORE='a b'",
    "set env deploy/web HOST=fixed",
    "set env deploy/web LEVEL- HOST-",
    "set env deploy/web -c main MODE- NEW=x",
    "set env deploy/web --from=configmap/settings --prefix=CFG_",
    "set env deploy/web --from=secret/keys --keys=password",
    "set env sts/db A=1",
    "set env cronjob/nightly A=1",
    "set resources deploy/web --limits=cpu=1,memory=128Mi --requests=cpu=200m",
    "set resources deploy/web -c side --limits=cpu=0.5",
    "set resources deploy/web -c main --requests=memory=0",
    "set selector svc web app=other",
    "set serviceaccount deploy/web robot",
    "set sa sts db robot",
    "set subject rolebinding readers --user=bob --group=ops --serviceaccount=default:ci",
    "label deploy web a=b c=d",
    "label deploy web tier-",
    "label deploy web tier=back --overwrite",
    "label deploy web tier=front extra=1",
    "label deploy,svc -l app=web new=1",
    "label deploy --all env=prod",
    "label configmap/settings service/web x=y",
    "label wdg one a=b",
    "label nodes --all room-kubectl=1",
    "label deployments.apps web a=b",
    "label deployments.v1.apps/web a=b",
    "annotate deploy web note='a long, note=1'",
    "annotate deploy web owner=team-b --overwrite",
    "annotate deploy web owner-",
    "annotate svc,cm -l app=web why=because",
    "annotate --all secret seen=yes",
    'patch deploy web -p \'{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"},"tolerations":null}}}}\'',
    'patch deploy web --type=json -p \'[{"op":"remove","path":"/spec/template/spec/tolerations"}]\'',
    'patch deploy web --type merge -p \'{"metadata":{"annotations":{"owner":null}}}\'',
    "patch svc web -p 'spec: {ports: [{port: 80, targetPort: 9}]}'",
    'patch wdg one --type=merge -p \'{"spec":{"mode":{"fast":null}}}\'',
    'patch cm settings --type=merge -p \'{"data":{"color":null,"size":"9"}}\'',
    "autoscale deploy web --min=1 --max=4 --cpu-percent=60",
    "autoscale deploy web --max=4 --name=other",
    "autoscale sts/db --max=2 --min=2",
    "expose deploy web --name=exposed",
    "expose deploy web --port=80 --target-port=8080 --name=exposed --type=NodePort",
    "expose deploy/web --port=80,81 --name=exposed -l x=y",
    "expose svc web --name=exposed --protocol=UDP --session-affinity=ClientIP",
    "create configmap c --from-literal=a=b --from-literal=c='d=e,f'",
    "create configmap c --from-file=FILE --from-file=key=FILE",
    "create configmap c --from-env-file=ENV --append-hash",
    "create secret generic s --from-literal=password=hunter2 --append-hash",
    "create secret generic s --from-literal=password=hunter2 --type=example.com/x",
    "create secret tls s --cert=CERT --key=KEY",
    "create secret docker-registry s --docker-server=r.example.com --docker-username=u --docker-password=p --docker-email=e@x",
    "create deployment d --image=localhost:5000/pause:3.2 --replicas=0 --port=80",
    "create deployment d --image=a/b:1 --image=c@sha256:0f -r 0",
    "create deployment d --image=a --replicas=0 -- sh -c 'sleep 1'",
    "create job j --image=a -- sh -c true",
    "create service clusterip s --tcp=80:8080 --tcp=81",
    "create service clusterip s --clusterip=None",
    "create service nodeport s --tcp=80:http",
    "create service loadbalancer s --tcp=80:8080",
    "create service externalname s --external-name=example.com",
    "create quota q --hard=pods=2,cpu=1 --scopes=NotBestEffort",
    "create priorityclass room-kubectl --value=7 --description=x",
    "create ingress i --rule=a.example.com/x*=svc:80,tls=cert --rule=a.example.com/y=svc:http --class=c --annotation=a=b",
    "create ingress i --rule=/=svc:80 --rule=b.example.com/=svc:81,tls --default-backend=d:80",
    "create role r --verb=get,list --verb=watch --resource=pods,deployments.apps,pods/log --resource-name=x",
    "create clusterrole room-kubectl --verb=get --resource=nodes --non-resource-url=/healthz",
    "create clusterrole room-kubectl --aggregation-rule=a=b,c=d",
    "create rolebinding b --clusterrole=view --user=u --group=g --serviceaccount=default:x",
    "create clusterrolebinding room-kubectl --clusterrole=view --group=g",
    "create sa robot",
    "create ns room-kubectl-new",
    "run p --image=a --env=A=b --env=C=d --port=80 --labels=x=y,z=w -- one two",
    "run p --image=a --restart=Never --command --annotations=k=v -- sh -c true",
    'run p --image=a --overrides=\'{"spec":{"nodeName":"x"}}\' --image-pull-policy=Never',
    "run p --image=a --port=80 --expose",
    "taint nodes --all room=kubectl:NoSchedule",
    "taint nodes --all room:PreferNoSchedule other=1:NoExecute",
]


@pytest.mark.parametrize("line", SERVER_DRY_RUN)
async def test_the_server_gives_both_the_same_answer(line: str, kubectl: Kubectl, ours: Ours, files: Any) -> None:
    words = [files(word) for word in shlex.split(line)]
    expected = kubectl.objects(with_flags(words, ["--dry-run=server"]))
    assert differences(await ours.rehearsed(words), expected) == []
