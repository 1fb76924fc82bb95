"""Configuration -> the objects of the data plane: the primary, the arms, the context that all connections share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from pydantic import SecretStr

from config.model import Config
from config.upstreams import Candidate
from proxy import figures as names
from proxy.figures import Figures
from proxy.leases import ArmLeases
from proxy.serve.context import ServeContext
from proxy.serve.figures import ServeFigures
from proxy.shadow.arm import Arm, state_cells
from proxy.shadow.breaker import Breaker
from proxy.shadow.capture.board import Board
from proxy.shadow.capture.writer import CaptureLog
from proxy.shadow.figures import ArmFigures
from proxy.shadow.lag import LagPeaks
from proxy.shadow.match import matcher_of
from proxy.shadow.offer import Shadow, ShadowSettings
from proxy.shadow.pressure import Pressure
from proxy.shadow.sampling import SamplingKey
from proxy.shadow.switchback import Switchback
from proxy.upstream.deadlines import Deadlines
from proxy.upstream.leg import LegLimits
from proxy.warm import WarmPools
from proxy.wire.copy_heads import OwnHeaders
from proxy.wire.endpoints import path_model
from proxy.wire.heads import Origin
from record.pair import CONTROL


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker has of its own, whatever the configuration."""

    board: Board
    figures: Figures
    serve_figures: ServeFigures
    log: CaptureLog
    lag: LagPeaks
    deadlines: Deadlines
    pools: WarmPools
    leases: ArmLeases
    pressure: Pressure
    on_internal_error: Callable[[str, BaseException], None]


def serve_context(config: Config, parts: Parts, shadow: Shadow) -> ServeContext:
    """What every client connection shares."""
    primary, timeout = config.primary, config.primary.timeout
    return ServeContext(
        primary=parts.pools.of_primary(primary.name, primary.url, timeout.connect, primary.tls),
        limits=LegLimits(first_byte_ns=_ns(timeout.first_byte), idle_ns=_ns(timeout.idle)),
        deadlines=parts.deadlines,
        shadow=shadow,
        figures=parts.serve_figures,
        max_header_bytes=config.limits.header,
        max_body_bytes=config.limits.request_body,
        max_mirrored_bytes=config.limits.mirrored_request,
        head_timeout_ns=_ns(config.listen.timeout.head),
        body_timeout_ns=_ns(config.listen.timeout.body),
        idle_timeout_ns=_ns(config.listen.timeout.idle),
        forwarded=config.listen.forwarded,
        send_request_id=config.listen.send_request_id,
        on_internal_error=parts.on_internal_error,
    )


def shadow_of(config: Config, parts: Parts, config_version: int) -> Shadow:
    """All candidates, the control leg among them when it is on."""
    arms = [_candidate_arm(c, config, parts) for c in config.candidates]
    if config.control.sample > 0:
        arms.append(_control_arm(config, parts))
    settings = ShadowSettings(
        config_version=config_version,
        memory_bytes=config.limits.shadow_memory,
        response_head_bytes=config.capture.response_head,
        response_tail_bytes=config.capture.response_tail,
        loop_lag_ns=_ns(config.limits.loop_lag),
        label_headers=tuple(_label_headers(config).items()),
        label_paths=tuple(n for n, label in config.labels.items() if label.path),
    )
    return Shadow(
        arms,
        settings,
        key=SamplingKey(config.sampling.unit, config.sampling.sources, config.sampling.seed),
        switchback=Switchback(config.switchback.period, config.switchback.off_share, config.sampling.seed),
        pressure=parts.pressure,
        board=parts.board,
        log=parts.log,
        lag=parts.lag,
        deadlines=parts.deadlines,
        figures=parts.figures,
        on_internal_error=parts.on_internal_error,
    )


def _candidate_arm(candidate: Candidate, config: Config, parts: Parts) -> Arm:
    timeout, breaker = candidate.timeout, candidate.breaker
    shares = candidate.shares_primary
    return Arm(
        name=candidate.name,
        pool=parts.pools.of_copies(candidate.name, candidate.url, timeout.connect, candidate.tls),
        limits=LegLimits(
            first_byte_ns=_ns(timeout.first_byte),
            idle_ns=_ns(timeout.idle),
            total_ns=_ns(timeout.total),
            max_response_bytes=candidate.max_response,
        ),
        share=candidate.sample,
        lease=parts.leases.of(candidate.name),
        breaker=Breaker(breaker.failures, _ns(breaker.window), _ns(breaker.open_for)),
        matcher=matcher_of(candidate.match, _label_headers(config)),
        own=_own_headers(candidate.headers),
        is_control=False,
        shares_primary=is_same_host(candidate.url, config.primary.url) if shares == "auto" else shares,
        allow_provider_tools=candidate.allow_provider_tools,
        model=msgspec.Raw(msgspec.json.encode(candidate.model)) if candidate.model is not None else None,
        path_model=path_model(candidate.model) if candidate.model is not None else None,
        params={n: None if v is None else msgspec.Raw(msgspec.json.encode(v)) for n, v in candidate.params.items()},
        cells=state_cells(parts.board, parts.board.header.candidates.index(candidate.name)),
        figures=ArmFigures(parts.figures, candidate.name),
        breaker_figures=_breaker_figures(candidate.name, parts.figures),
    )


def _control_arm(config: Config, parts: Parts) -> Arm:
    """Without a breaker: its failures are the primary's, and `primary_pressure` makes it yield."""
    timeout = config.primary.timeout
    return Arm(
        name=CONTROL,
        pool=parts.pools.of_copies(CONTROL, config.primary.url, timeout.connect, config.primary.tls),
        limits=LegLimits(first_byte_ns=_ns(timeout.first_byte), idle_ns=_ns(timeout.idle)),
        share=config.control.sample,
        lease=parts.leases.of(CONTROL),
        breaker=Breaker(0, 0, 0),
        matcher=None,
        own=_own_headers(config.control.headers),
        is_control=True,
        shares_primary=True,
        allow_provider_tools=False,
        model=None,
        path_model=None,
        params={},
        cells=state_cells(parts.board, parts.board.header.candidates.index(CONTROL)),
        figures=ArmFigures(parts.figures, CONTROL),
        breaker_figures=_breaker_figures(CONTROL, parts.figures),
    )


def _label_headers(config: Config) -> dict[str, bytes]:
    return {n: label.header.encode() for n, label in config.labels.items() if label.header}


def is_same_host(url: str, primary_url: str) -> bool:
    """Do two addresses lead to the same host and port?"""
    one, other = Origin.parse(url), Origin.parse(primary_url)
    return (one.host, one.port) == (other.host, other.port)


def _breaker_figures(candidate: str, figures: Figures) -> tuple[int, int]:
    return figures.index(names.breaker_state(candidate)), figures.index(names.breaker_openings(candidate))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _own_headers(configured: Mapping[str, SecretStr]) -> OwnHeaders:
    return OwnHeaders([(name.encode(), value.get_secret_value().encode()) for name, value in configured.items()])
