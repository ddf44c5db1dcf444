"""Relocations of aarch64, and that no row of the tables for machines is missing."""

from __future__ import annotations

import struct

import pytest

from bembix.compile.llvm.machines import MACHINES
from bembix.compile.prebuilt.trampolines import WRITERS
from bembix.native import aarch64
from bembix.native.elf import Kind
from bembix.native.platform import PLATFORMS, Platform

BL, B, ADRP_X0, ADD_X0, LDR_X0, LDR_Q0 = 0x94000000, 0x14000000, 0x90000000, 0x91000000, 0xF9400000, 0x3DC00000


@pytest.mark.parametrize(
    ("kind", "word", "target", "place", "patched"),
    [
        (Kind.ARM_CALL26, BL, 0x1008, 0x1000, 0x94000002),  # bl 8
        (Kind.ARM_CALL26, B, 0x1000, 0x1004, 0x17FFFFFF),  # b -4
        (Kind.ARM_PAGE21, ADRP_X0, 0x2345, 0x1FFC, 0xB0000000),  # adrp x0, 0x1000
        (Kind.ARM_PAGE21, ADRP_X0, 0x0123, 0x5000, 0xF0FFFFC0),  # adrp x0, -0x5000
        (Kind.ARM_LOW12, ADD_X0, 0x2345, 0, 0x910D1400),  # add x0, x0, 0x345
        (Kind.ARM_LOAD12_64, LDR_X0, 0x2348, 0, 0xF941A400),  # ldr x0, [x0, 0x348]
        (Kind.ARM_GOT_LOW12, LDR_X0, 0x0008, 0, 0xF9400400),  # ldr x0, [x0, 8]
        (Kind.ARM_LOAD12_128, LDR_Q0, 0x0020, 0, 0x3DC00800),  # ldr q0, [x0, 32]
    ],
)
def test_instructions_refer_to_their_target(kind: Kind, word: int, target: int, place: int, patched: int) -> None:
    assert f"{aarch64.patch(kind, word, target, place):08x}" == f"{patched:08x}"
    # What was there before does not matter.
    assert aarch64.patch(kind, patched, target, place) == patched


@pytest.mark.parametrize(
    ("kind", "word", "target"),
    [
        (Kind.ARM_CALL26, BL, 1 << 27),
        (Kind.ARM_CALL26, BL, 2),
        (Kind.ARM_PAGE21, ADRP_X0, 1 << 32),
        (Kind.ARM_LOAD12_64, LDR_X0, 0x1004),
    ],
)
def test_what_is_out_of_reach(kind: Kind, word: int, target: int) -> None:
    with pytest.raises(struct.error):
        aarch64.patch(kind, word, target, 0)


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda platform: platform.machine)
def test_every_machine_has_its_rows(platform: Platform) -> None:
    assert platform.machine in MACHINES
    assert platform.machine in WRITERS
    assert platform.stub_size & (platform.stub_size - 1) == 0
    assert platform.stub_return < platform.stub_size
