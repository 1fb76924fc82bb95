"""Connections to upstreams that outlive a reload: those whose address, TLS and limits stay the same."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.model import Config
from config.upstreams import UpstreamTls
from proxy.upstream.pool import Pool
from proxy.upstream.pools import Pools
from proxy.upstream.tls import Tls, tls_of
from proxy.wire.heads import Origin


@dataclass(frozen=True, slots=True)
class PoolKey:
    """All that a pool is made of."""

    legs: str
    name: str
    url: str
    connect_timeout_s: float
    tls: UpstreamTls
    authorities: str
    """Digest of the certificates to trust."""


class WarmPools:
    """The pools of one generation; one that was made of the same before is taken over, idle connections and all."""

    def __init__(self, maker: Pools, warm: Mapping[PoolKey, Pool]) -> None:
        """`warm`: `by_key` of the generation before."""
        self._maker = maker
        self._warm = warm
        self.by_key: dict[PoolKey, Pool] = {}

    def of_primary(self, name: str, url: str, connect_timeout_s: float, tls: UpstreamTls) -> Pool:
        """For the primary legs.

        Raises:
            ValueError: the file of certificates to trust cannot be used.
        """
        origin = Origin.parse(url)
        return self._get(
            PoolKey("primary", name, url, connect_timeout_s, tls, _digest(tls)),
            lambda: self._maker.of_primary(name, origin, connect_timeout_s, _tls(origin, tls)),
        )

    def of_copies(self, name: str, url: str, connect_timeout_s: float, tls: UpstreamTls) -> Pool:
        """For the copies of an arm, the control leg's too.

        Raises:
            ValueError: the file of certificates to trust cannot be used.
        """
        origin = Origin.parse(url)
        return self._get(
            PoolKey("copies", name, url, connect_timeout_s, tls, _digest(tls)),
            lambda: self._maker.of_copies(name, origin, connect_timeout_s, _tls(origin, tls)),
        )

    def prepare(self, config: Config) -> None:
        """Makes all that this configuration needs, before anything is made that would have to be taken back.

        Raises:
            ValueError: a file of certificates to trust cannot be used; nothing is left of the attempt.
        """
        primary = config.primary
        try:
            self.of_primary(primary.name, primary.url, primary.timeout.connect, primary.tls)
            for c in config.candidates:
                self.of_copies(c.name, c.url, c.timeout.connect, c.tls)
        except ValueError:
            self.close_all_but(list(self._warm.values()))
            raise

    def is_stale(self, url: str, tls: UpstreamTls) -> bool:
        """Has the file of certificates to trust changed since the pool for this address was made?

        Raises:
            ValueError: it cannot be read.
        """
        made_of = {(key.url, key.tls, key.authorities) for key in self.by_key}
        return tls.ca is not None and (url, tls, _digest(tls)) not in made_of

    def close_all_but(self, kept: Collection[Pool]) -> None:
        """Closes the pools that nobody else uses; nothing of this generation may be under way."""
        for pool in self.by_key.values():
            if pool not in kept:
                pool.close()

    def _get(self, key: PoolKey, make: Callable[[], Pool]) -> Pool:
        pool = self.by_key.get(key) or self._warm.get(key) or make()
        self.by_key[key] = pool
        return pool


def _tls(origin: Origin, settings: UpstreamTls) -> Tls | None:
    return tls_of(origin, ca=settings.ca, server_name=settings.server_name, verify=settings.verify)


def _digest(tls: UpstreamTls) -> str:
    """Of the certificates to trust, so that a new file under the old name is seen."""
    if tls.ca is None:
        return ""
    try:
        return hashlib.sha256(Path(tls.ca).read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(f"{tls.ca} cannot be read: {error.strerror}") from None
