"""What deploy/ holds keeps to its schemas, to the settings of the product, and to what docs/deployment.md promises.

No image is built, and no cluster runs here.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import ServeDeploySchema

from estimators import CATALOGUE
from serving.cluster.app import GATEWAY
from serving.engine.checks import check
from serving.launch.ingress import ENVIRONMENT, WRAPPER
from serving.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SERVICE, *OTHERS = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# KubeRay's resource definition comes in no package. These are the fields of ray.io/v1 that we use, of the definition of
# KubeRay 1.6 and newer; pods and what Serve is told are held against schemas of their own below.
_GROUP = {"rayStartParams": {"additionalProperties": {"type": "string"}}, "template": {"type": "object"}}
_COUNT = {"type": "integer", "minimum": 0}
RAY_SERVICE = {
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayService"},
        "metadata": {"required": ["name"]},
        "spec": {
            "properties": {
                "excludeHeadPodFromServeSvc": {"type": "boolean"},
                "upgradeStrategy": {"properties": {"type": {"enum": ["NewCluster", "None"]}}},
                "serveConfigV2": {"type": "string"},
                "rayClusterConfig": {
                    "properties": {
                        "rayVersion": {"type": "string"},
                        "authOptions": {"properties": {"mode": {"enum": ["token", "disabled"]}}},
                        "enableInTreeAutoscaling": {"type": "boolean"},
                        "autoscalerOptions": {
                            "properties": {
                                "version": {"enum": ["v1", "v2"]},
                                "idleTimeoutSeconds": {"type": "integer"},
                                "resources": {"type": "object"},
                                "securityContext": {"type": "object"},
                                "volumeMounts": {"type": "array"},
                            },
                            "additionalProperties": False,
                        },
                        "headGroupSpec": {
                            "properties": _GROUP,
                            "required": ["template"],
                            "additionalProperties": False,
                        },
                        "workerGroupSpecs": {
                            "items": {
                                "properties": {
                                    **_GROUP,
                                    "groupName": {"type": "string"},
                                    "replicas": _COUNT,
                                    "minReplicas": _COUNT,
                                    "maxReplicas": _COUNT,
                                },
                                "required": ["groupName", "maxReplicas", "minReplicas", "template"],
                                "additionalProperties": False,
                            }
                        },
                    },
                    "required": ["headGroupSpec"],
                    "additionalProperties": False,
                },
            },
            "required": ["rayClusterConfig", "serveConfigV2"],
            "additionalProperties": False,
        },
    },
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
}


def templates() -> dict[str, dict[str, Any]]:
    """The pod templates of the cluster, by the name of their group."""
    cluster = SERVICE["spec"]["rayClusterConfig"]
    workers = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
    return {"head": cluster["headGroupSpec"]["template"], **workers}


def application() -> dict[str, Any]:
    """The application as the operator hands it to Serve."""
    [found] = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])["applications"]
    assert isinstance(found, dict)
    return found


def instructions() -> Iterator[tuple[str, str]]:
    """The Dockerfile's instructions: the word and what follows, continued lines joined, comments left out."""
    lines = (line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    for instruction in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if instruction.strip():
            word, _, rest = instruction.partition(" ")
            yield word, rest


def said(*command: str | Path) -> str:
    """Everything that a checker says of what it refuses; nothing where it accepts."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - our own words
    return "" if done.returncode == 0 else done.stdout + done.stderr


def said_of_compose(path: Path) -> str:
    return said(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path)


def said_of_resources(path: Path, *resources: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(resources))
    return said(sys.executable, "-m", "kubernetes_validate", "--strict", "--no-warn", "-k", "1.34", path)


def pod_template(template: dict[str, Any]) -> dict[str, Any]:
    """A resource that consists of a pod template."""
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "facet"}, "template": template}


def test_the_compose_file_keeps_to_the_schema(tmp_path: Path) -> None:
    assert not said_of_compose(DEPLOY / "compose.yaml")
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(yaml.safe_dump({"services": {"facet": {"image": "facet", "port": "8000"}}}))
    assert "port" in said_of_compose(wrong)


def test_the_kubernetes_resources_keep_to_their_schemas(tmp_path: Path) -> None:
    assert {other["kind"] for other in OTHERS} == {"NetworkPolicy", "PodDisruptionBudget"}
    resources = [*OTHERS, *(pod_template(template) for template in templates().values())]
    assert not said_of_resources(tmp_path / "right.yaml", *resources)
    wrong = pod_template({"spec": {"containers": [{"name": "ray-head", "images": "facet"}]}})
    assert "images" in said_of_resources(tmp_path / "wrong.yaml", wrong)


def test_the_ray_service_has_the_fields_that_kuberay_knows() -> None:
    Draft202012Validator(RAY_SERVICE).validate(SERVICE)


def test_the_dockerfile_passes_its_linter() -> None:
    assert not said(Path(sys.executable).with_name("hadolint"), DEPLOY / "Dockerfile")


def test_serve_accepts_its_configuration_and_facet_its_settings() -> None:
    ServeDeploySchema(**yaml.safe_load(SERVICE["spec"]["serveConfigV2"]))
    for deployment in application()["deployments"]:
        assert deployment["name"] in {GATEWAY, *CATALOGUE}
        AutoscalingConfig(**deployment["autoscaling_config"])
    settings = Settings(**application()["args"])
    check(settings)
    placed = {name for name, place in settings.placement.items() if place == "remote"}
    assert {deployment["name"] for deployment in application()["deployments"]} == placed | {GATEWAY}
    assert set(settings.providers) <= placed


def test_graphs_and_application_are_those_of_the_configuration_here() -> None:
    [here] = yaml.safe_load((ROOT / "serve_config.yaml").read_text())["applications"]
    there = application()
    assert [there[key] for key in ("name", "route_prefix", "import_path")] == [
        here[key] for key in ("name", "route_prefix", "import_path")
    ]
    assert [there["args"][key] for key in ("graphs", "default_graph")] == [
        here["args"][key] for key in ("graphs", "default_graph")
    ]


@pytest.mark.parametrize("group", templates())
def test_every_node_of_the_cluster_has_the_environment_of_the_ingress(group: str) -> None:
    [container] = templates()[group]["spec"]["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    keys, url = (entry["valueFrom"] for entry in container["env"] if "valueFrom" in entry)
    assert keys["secretKeyRef"]["name"] == "facet-keys"
    assert "optional" not in keys["secretKeyRef"]  # without keys no pod starts
    assert url["secretKeyRef"] == {"name": "facet-database", "key": "url", "optional": True}
    ours: dict[str, str | None] = {
        "FACET_API_KEYS": None,
        "FACET_DATABASE_URL": None,
        "FACET_HAPROXY": "/usr/local/bin/haproxy",
        "RAY_SERVE_HAPROXY_BINARY_PATH": "/usr/local/bin/facet-haproxy",
    }
    assert environment == {**ENVIRONMENT, **ours}


@pytest.mark.parametrize("group", templates())
def test_pods_have_no_rights(group: str) -> None:
    pod = templates()[group]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert ("USER", "{runAsUser}:{runAsGroup}".format(**pod["securityContext"])) in list(instructions())
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert [mount["name"] for mount in container["volumeMounts"]] == ["tmp"]


def test_only_the_service_itself_can_be_reached_from_outside() -> None:
    [policy] = [other["spec"] for other in OTHERS if other["kind"] == "NetworkPolicy"]
    for template in templates().values():
        assert policy["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    open_to_all = [rule["ports"] for rule in policy["ingress"] if "from" not in rule]
    assert open_to_all == [[{"protocol": "TCP", "port": 8000}]]


def test_the_stand_in_for_haproxy_is_found_by_its_link(tmp_path: Path) -> None:
    written, link = tmp_path / "haproxy.cfg", tmp_path / "facet-haproxy"
    link.symlink_to(WRAPPER)
    written.write_text("frontend http_frontend\n    bind *:8000\n    use_backend gateway\n")
    environment = {**os.environ, "FACET_HAPROXY": "/bin/echo"}
    started = subprocess.run([link, "-f", written], env=environment, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    assert started.stdout == f"-f {written}\n"
    assert "X-Facet-Request" in written.read_text()


def test_compose_publishes_on_loopback_and_runs_the_service_alone_by_default() -> None:
    for name, service in COMPOSE["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory"}, name
    assert [name for name, service in COMPOSE["services"].items() if "profiles" not in service] == ["facet"]
    facet = COMPOSE["services"]["facet"]
    assert (facet["read_only"], facet["cap_drop"]) == (True, ["ALL"])


def test_the_image_ends_without_rights_and_without_npm() -> None:
    listed = list(instructions())
    last = max(index for index, (word, _) in enumerate(listed) if word == "FROM")
    runtime = listed[last:]
    [user] = [rest for word, rest in runtime if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert all("npm" not in rest and "pip " not in rest for _, rest in runtime)
    assert "ADD" not in [word for word, _ in listed]
    assert {"HEALTHCHECK", "ENTRYPOINT", "EXPOSE", "LABEL"} <= {word for word, _ in runtime}


def test_packages_of_others_are_installed_by_hash() -> None:
    installs = [
        part for word, rest in instructions() if word == "RUN" for part in re.findall("pip install[^;&]*", rest)
    ]
    assert len(installs) == 3
    assert [part for part in installs if "--require-hashes" not in part] == [
        "pip install --no-deps --no-build-isolation ."
    ]


def test_the_builder_gets_all_that_is_installed_and_copied() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    packages = [pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    assert set(packages) <= {name for names in copied for name in names}
    assert {name for names in copied for name in names} == set(sent)
    assert all((ROOT / name).exists() for name in sent)


def test_what_is_not_python_is_installed_too() -> None:
    settings = PROJECT["tool"]["setuptools"]
    for package in (pattern.rstrip("*") for pattern in settings["packages"]["find"]["include"]):
        there = {path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
        installed = {
            path for pattern in settings["package-data"].get(package, []) for path in (ROOT / package).glob(pattern)
        }
        assert there - installed == set(), package


def test_versions_agree() -> None:
    version = PROJECT["project"]["version"]
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    pins_gpu = dict(re.findall(r"^([\w-]+)==([\w.]+)", (DEPLOY / "requirements-gpu.txt").read_text(), re.MULTILINE))
    assert SERVICE["spec"]["rayClusterConfig"]["rayVersion"] == pins["ray"]
    assert pins_gpu["onnxruntime-gpu"] == pins["onnxruntime"]
    assert {name: pin for name, pin in pins_gpu.items() if name in pins} == {
        name: pin for name, pin in pins.items() if name in pins_gpu
    }
    assert COMPOSE["services"]["facet"]["image"] == f"${{FACET_IMAGE:-facet:{version}}}"
    images = {container["image"] for template in templates().values() for container in template["spec"]["containers"]}
    assert images == {f"facet:{version}", f"facet:{version}-gpu"}
    assert f'image.version="{version}"' in (DEPLOY / "Dockerfile").read_text()


def test_no_secret_and_no_address_of_others_is_in_the_files() -> None:
    for path in [*DEPLOY.glob("*.yaml"), DEPLOY / "Dockerfile", *DEPLOY.glob("requirements*")]:
        text = path.read_text()
        assert set(re.findall(r"https?://([^:/\s\"]+)", text)) <= {"127.0.0.1", "prometheus"}, path
        assert "stringData" not in text, path


def test_an_image_whose_services_lack_models_is_not_built(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FACET_CACHE": str(tmp_path)}
    environment.pop("FACET_MODEL_MIRROR", None)
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, DEPLOY / "baked.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "template-extractor: face-detection" in done.stderr
    assert list(tmp_path.iterdir()) == []
