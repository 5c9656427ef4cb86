"""Settings of the objects: pods, keys, Redis, the way in, monitoring, upgrades."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cluster.model import ClusterModel, ObjectName, Quantity

# Names of objects that others made may be longer than ours, and have dots.
OtherName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
HostName = Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$")]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
MountPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")]


class SecretKey(ClusterModel):
    """A value in a Secret that somebody else made: it is referred to, and never written into a manifest."""

    secret: OtherName = Field(description="The Secret, in the same namespace.")
    key: str = Field(pattern=r"^[A-Za-z0-9._-]+$", description="The value's key in it.")


class SecretVariable(SecretKey):
    """An environment variable whose value is in a Secret."""

    check_as: str = Field(
        default="secret", description="Stands for the value where the application's settings are checked before."
    )


class Volume(ClusterModel):
    """Files for the pods, read-only: weights, models, certificates."""

    name: ObjectName = Field(description="Names the volume.")
    path: MountPath = Field(description="Where pods see it.")
    claim: OtherName | None = Field(default=None, description="A PersistentVolumeClaim that several nodes may read.")
    config_map: OtherName | None = Field(default=None, description="A ConfigMap.")
    secret: OtherName | None = Field(default=None, description="A Secret.")

    @model_validator(mode="after")
    def _has_one_source(self) -> Volume:
        if [self.claim, self.config_map, self.secret].count(None) != 2:  # noqa: PLR2004 - all but one
            raise ValueError("name one of claim, config_map and secret")
        return self


class PodSettings(ClusterModel):
    """What all pods of Ray have."""

    variables: dict[VariableName, str] = Field(default={}, description="Environment variables.")
    secret_variables: dict[VariableName, SecretVariable] = Field(
        default={}, description="Environment variables whose values are in Secrets."
    )
    volumes: list[Volume] = Field(default=[], description="Files for the pods.")
    cache: Quantity = Field(default="10Gi", description="Room for weights and converted networks, in each pod.")
    scratch: Quantity = Field(default="5Gi", description="Room in /tmp, where Ray's logs are, in each pod.")
    replica_cpus: float = Field(
        default=0.5,
        gt=0,
        description="CPUs that Ray reserves for a replica where the application's config says nothing. With none, "
        "replicas would be put on the head, too, and no pod would ever be added for them.",
    )


class KeysSettings(ClusterModel):
    """Where pods find the files of keys: a Secret with keys.json and signing.json."""

    secret: OtherName | None = Field(default=None, description="The Secret; unset: the service's name and -keys.")


class BundledRedis(ClusterModel):
    """A Redis of one pod, made together with the service; for more, name a Redis that somebody runs."""

    image: str = Field(default="redis:7.4", description="The container image.")
    storage: Quantity | None = Field(default=None, description="Size of its disk. Unset: lost with its pod.")
    storage_class: str | None = Field(default=None, description="Kind of disk; unset: the cluster's default.")


class RedisSettings(ClusterModel):
    """Where the head keeps what it must not lose: with it, the head may be lost."""

    address: str | None = Field(
        default=None,
        pattern=r"^(rediss?://)?[A-Za-z0-9.-]+:[0-9]+$",
        description="host:port, or rediss://host:port for TLS. Unset: the bundled one.",
    )
    username: str | None = Field(default=None, description="User name; the password's owner.")
    password: SecretKey | None = Field(default=None, description="The password's Secret.")
    bundled: BundledRedis = Field(default=BundledRedis(), description="The Redis that is made where none is named.")


class CertificateSettings(ClusterModel):
    """The certificate of the way in: one's own, in a Secret, or one that cert-manager gets and renews."""

    secret: OtherName | None = Field(default=None, description="A Secret of the type kubernetes.io/tls.")
    issuer: OtherName | None = Field(default=None, description="cert-manager's issuer that is to make the Secret.")
    issuer_kind: Literal["ClusterIssuer", "Issuer"] = Field(default="ClusterIssuer", description="Kind of the issuer.")

    @model_validator(mode="after")
    def _has_one(self) -> CertificateSettings:
        if self.secret is None and self.issuer is None:
            raise ValueError("name a secret, or an issuer of cert-manager")
        return self


class GatewaySettings(ClusterModel):
    """The way in from outside: TLS ends here, and plain HTTP is sent to HTTPS."""

    kind: Literal["gateway", "ingress"] = Field(default="gateway", description="Gateway API, or Ingress.")
    class_name: OtherName = Field(description="GatewayClass or IngressClass that the cluster offers.")
    host: HostName = Field(description="Name by which clients reach the service.")
    certificate: CertificateSettings = Field(description="For that name.")
    namespace: ObjectName | None = Field(
        default=None, description="Where the pods run that bring requests; only they are let in. Unset: any."
    )
    annotations: dict[str, str] = Field(default={}, description="For the Gateway or Ingress, as its maker has them.")
    backend: OtherName | None = Field(
        default=None,
        description="Service that gets requests. Unset: KubeRay's. With incremental upgrades: KubeRay's Gateway's.",
    )
    backend_port: int | None = Field(default=None, ge=1, le=65535, description="Its port. Unset: the application's.")


class MonitoringSettings(ClusterModel):
    """How Prometheus finds the pods."""

    kind: Literal["none", "prometheus-operator", "azure"] | None = Field(
        default=None, description="azure: Azure Monitor's managed Prometheus. Unset: azure on AKS, else none."
    )
    interval_seconds: int = Field(default=15, ge=5, description="How often metrics are fetched.")
    labels: dict[str, str] = Field(
        default={}, description="For the monitor and the rules, if Prometheus selects by them."
    )
    namespace: ObjectName | None = Field(
        default=None, description="Where Prometheus runs; only it may fetch metrics. Unset: any."
    )


class UpgradeSettings(ClusterModel):
    """What happens when pods must change; the application's config alone changes in place."""

    strategy: Literal["new-cluster", "incremental", "none"] = Field(
        default="new-cluster",
        description="new-cluster: all traffic moves when the new pods are ready; incremental: by steps, through a "
        "Gateway that KubeRay makes; none: nothing happens.",
    )
    gateway_class: OtherName | None = Field(default=None, description="For incremental: class of KubeRay's Gateway.")
    step_percent: int = Field(default=20, ge=1, le=100, description="For incremental: traffic of each step.")
    interval_seconds: int = Field(default=30, ge=1, description="For incremental: between two steps.")
    surge_percent: int = Field(default=100, ge=1, le=100, description="For incremental: new capacity of each step.")
    keep_old_seconds: int = Field(
        default=120, ge=0, description="How long old pods stay when traffic has moved, for connections that are open."
    )

    @model_validator(mode="after")
    def _has_class(self) -> UpgradeSettings:
        if self.strategy == "incremental" and self.gateway_class is None:
            raise ValueError("incremental needs gateway_class")
        return self


class NetworkSettings(ClusterModel):
    """Who may talk to the pods, where the cluster's network enforces policies."""

    policies: bool = Field(default=True, description="Whether to render NetworkPolicies.")
    clients: list[ObjectName] = Field(
        default=[], description="Namespaces whose pods may send requests without the way in from outside."
    )
    operator_namespace: ObjectName | None = Field(
        default=None, description="Where KubeRay's operator runs. Unset: any."
    )
    outbound_ports: list[int] = Field(
        default=[443], description="Ports that pods may reach anywhere, as for weights and issuers of tokens."
    )


class KeyVaultSettings(ClusterModel):
    """Azure Key Vault in place of Secrets that somebody makes by hand."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$", description="The vault.")
    tenant_id: str = Field(description="Tenant of the vault.")
    client_id: str = Field(description="Client id of the managed identity that may read it.")


class PeopleSettings(ClusterModel):
    """Groups that get a role, by the identifier that the cluster knows them by: Entra ID's object id on AKS."""

    viewers: list[str] = Field(default=[], description="See states, logs and events; no secrets.")
    operators: list[str] = Field(default=[], description="Deploy, update, roll back, delete; and keys.")
