//! [`Opcode`]: what one or two bytes of a body mean, from tables that are built at compile time
//! out of those of [`ops`](crate::ops).

use crate::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// An operator without its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// No operator that wz knows: does not occur in a validated body.
    Unknown,
    /// The first byte of an operator from the table of numeric and bulk operators.
    PrefixMisc,
    /// The first byte of an operator from the table of vector operators.
    PrefixVector,
    Unreachable,
    Nop,
    Block,
    Loop,
    If,
    Else,
    End,
    Br,
    BrIf,
    BrTable,
    Return,
    Call,
    CallIndirect,
    ReturnCall,
    ReturnCallIndirect,
    Drop,
    Select,
    SelectTyped,
    LocalGet,
    LocalSet,
    LocalTee,
    GlobalGet,
    GlobalSet,
    TableGet,
    TableSet,
    MemorySize,
    MemoryGrow,
    I32Const,
    I64Const,
    F32Const,
    F64Const,
    V128Const,
    RefNull,
    RefIsNull,
    RefFunc,
    MemoryInit,
    DataDrop,
    MemoryCopy,
    MemoryFill,
    TableInit,
    ElemDrop,
    TableCopy,
    TableGrow,
    TableSize,
    TableFill,
    Shuffle,
    Unary(UnaryOp),
    Binary(BinaryOp),
    Ternary(TernaryOp),
    Load(LoadOp),
    Store(StoreOp),
    LoadLane(LoadLaneOp),
    StoreLane(StoreLaneOp),
    ExtractLane(ExtractLaneOp),
    ReplaceLane(ReplaceLaneOp),
}

/// Operators of one byte.
pub(crate) static PLAIN: [Opcode; 0x100] = table(0);
/// Operators after the byte 0xfc.
pub(crate) static MISC: [Opcode; 0x20] = table(0xfc);
/// Operators after the byte 0xfd.
pub(crate) static VECTOR: [Opcode; 0x120] = table(0xfd);

impl Opcode {
    /// The operator after a prefix.
    pub(crate) fn after(table: &[Self], code: u32) -> Self {
        table.get(code as usize).copied().unwrap_or(Self::Unknown)
    }
}

/// The operators whose opcodes have this prefix.
const fn table<const LEN: usize>(prefix: u32) -> [Opcode; LEN] {
    let mut table = [Opcode::Unknown; LEN];
    let mut position = 0;
    while position < OTHERS.len() {
        let (opcode, operator) = OTHERS[position];
        if opcode >> 12 == prefix {
            table[opcode as usize & 0xfff] = operator;
        }
        position += 1;
    }
    macro_rules! add {
        ($($Variant:ident $Enum:ident)*) => {$(
            let mut position = 0;
            while position < $Enum::ALL.len() {
                let operator = $Enum::ALL[position];
                if operator.opcode() >> 12 == prefix {
                    table[operator.opcode() as usize & 0xfff] = Opcode::$Variant(operator);
                }
                position += 1;
            }
        )*};
    }
    add! {
        Unary UnaryOp
        Binary BinaryOp
        Ternary TernaryOp
        Load LoadOp
        Store StoreOp
        LoadLane LoadLaneOp
        StoreLane StoreLaneOp
        ExtractLane ExtractLaneOp
        ReplaceLane ReplaceLaneOp
    }
    table
}

/// The opcodes of what is not in the tables of `ops`, prefixes above the lowest twelve bits.
const OTHERS: &[(u32, Opcode)] = &[
    (0x00, Opcode::Unreachable),
    (0x01, Opcode::Nop),
    (0x02, Opcode::Block),
    (0x03, Opcode::Loop),
    (0x04, Opcode::If),
    (0x05, Opcode::Else),
    (0x0b, Opcode::End),
    (0x0c, Opcode::Br),
    (0x0d, Opcode::BrIf),
    (0x0e, Opcode::BrTable),
    (0x0f, Opcode::Return),
    (0x10, Opcode::Call),
    (0x11, Opcode::CallIndirect),
    (0x12, Opcode::ReturnCall),
    (0x13, Opcode::ReturnCallIndirect),
    (0x1a, Opcode::Drop),
    (0x1b, Opcode::Select),
    (0x1c, Opcode::SelectTyped),
    (0x20, Opcode::LocalGet),
    (0x21, Opcode::LocalSet),
    (0x22, Opcode::LocalTee),
    (0x23, Opcode::GlobalGet),
    (0x24, Opcode::GlobalSet),
    (0x25, Opcode::TableGet),
    (0x26, Opcode::TableSet),
    (0x3f, Opcode::MemorySize),
    (0x40, Opcode::MemoryGrow),
    (0x41, Opcode::I32Const),
    (0x42, Opcode::I64Const),
    (0x43, Opcode::F32Const),
    (0x44, Opcode::F64Const),
    (0xd0, Opcode::RefNull),
    (0xd1, Opcode::RefIsNull),
    (0xd2, Opcode::RefFunc),
    (0xfc, Opcode::PrefixMisc),
    (0xfd, Opcode::PrefixVector),
    (0xfc_008, Opcode::MemoryInit),
    (0xfc_009, Opcode::DataDrop),
    (0xfc_00a, Opcode::MemoryCopy),
    (0xfc_00b, Opcode::MemoryFill),
    (0xfc_00c, Opcode::TableInit),
    (0xfc_00d, Opcode::ElemDrop),
    (0xfc_00e, Opcode::TableCopy),
    (0xfc_00f, Opcode::TableGrow),
    (0xfc_010, Opcode::TableSize),
    (0xfc_011, Opcode::TableFill),
    (0xfd_00c, Opcode::V128Const),
    (0xfd_00d, Opcode::Shuffle),
];
