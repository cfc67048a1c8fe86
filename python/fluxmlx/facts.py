"""What is known of an engine: what it can do, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Capabilities", "Stats"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this backend can do with this model; True only where it is so.

    Attributes:
        supports_structured_output: answers can be held to a grammar or a JSON schema.
        supports_speculative_decoding: several tokens can be guessed and verified in one step, and the answer is the
            same to the bit.
        supports_kv_prefix_copy: the keys and values of a common beginning are shared between requests.
        supports_multimodal: prompts may have images or sound in them.
        supports_logits_processor: a function of the caller's may change the logits.
        batch_invariant: an answer's bytes do not depend on what runs beside it.
        cache_types: the types that keys and values can be kept in.
        n_ctx: positions of one sequence, as the model was loaded.
        n_ctx_train: the same, as the model was trained.
        max_sequences: answers that are written together.
    """

    supports_structured_output: bool
    supports_speculative_decoding: bool
    supports_kv_prefix_copy: bool
    supports_multimodal: bool
    supports_logits_processor: bool
    batch_invariant: bool
    cache_types: tuple[str, ...]
    n_ctx: int
    n_ctx_train: int
    max_sequences: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine does now and has done since it was loaded. n answers to one prompt count as n requests.

    Attributes:
        running: requests that have a place.
        queued: requests that wait for one.
        queued_tokens: of the prompts of those.
        finished: requests that came to their end.
        failed: requests that an error ended.
        cancelled: requests that were cancelled or dropped.
        prompt_tokens: tokens of prompts that were computed, again where a request was preempted.
        cached_tokens: tokens of prompts that did not have to be computed.
        completion_tokens: tokens that were written.
        drafted_tokens: tokens that speculation guessed.
        accepted_tokens: guesses that were right, and so became part of an answer.
        preemptions: times that a request gave its memory up to an older one; it went on later, to the same bytes.
        steps: passes through the model.
        busy_s: seconds of these.
        cache_bytes: memory that keys and values of running requests take now; what they share counts once.
        prefix_bytes: memory that keys and values of ended requests take, which goes where it is needed.
    """

    running: int
    queued: int
    queued_tokens: int
    finished: int
    failed: int
    cancelled: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    drafted_tokens: int
    accepted_tokens: int
    preemptions: int
    steps: int
    busy_s: float
    cache_bytes: int
    prefix_bytes: int
