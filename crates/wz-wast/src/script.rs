//! [`run_script`]: executes the directives of one script and says which failed.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wast::core::WastRetCore;
use wast::lexer::Lexer;
use wast::parser::{ParseBuffer, parse};
use wast::token::Id;
use wast::{QuoteWat, QuoteWatTest, Wast, WastDirective, WastExecute, WastInvoke, WastRet, Wat};
use wz::{CompiledModule, Context, Module, ModuleConfig, Runtime, RuntimeConfig};
use wz_api::{Error, ErrorKind, Value};

use crate::source::Script;
use crate::unsupported::Unsupported;
use crate::{spectest, trap_matches, value};

/// What came of a script.
#[derive(Clone, Debug)]
pub struct ScriptResult {
    /// The script's path.
    pub path: String,
    /// The script's group.
    pub group: crate::Group,
    /// How many directives there are; at least 1.
    pub directives: usize,
    /// How many of them are assertions.
    pub assertions: usize,
    /// The directives that failed.
    pub failures: Vec<Failure>,
}

/// A directive that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The line, from 1.
    pub line: usize,
    /// Whether it is an assertion.
    pub assertion: bool,
    /// What was expected and what came.
    pub message: String,
    /// The proposal that wz does not have and the directive needs. None: wz is wrong.
    pub needs: Option<Unsupported>,
}

impl ScriptResult {
    /// How many directives passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.directives - self.failures.len()
    }

    /// How many assertions passed.
    #[must_use]
    pub fn assertions_passed(&self) -> usize {
        self.assertions - self.failures.iter().filter(|failure| failure.assertion).count()
    }
}

/// Executes a script in a fresh runtime that is configured so, but for the features, which are
/// the script's. `progress` is told the line of every directive before it
/// is executed.
#[must_use]
pub fn run_script(config: &RuntimeConfig, script: &Script, progress: &dyn Fn(usize)) -> ScriptResult {
    run_script_in(config, script, &Context::background(), progress)
}

/// As [`run_script`], with modules compiled and instantiated in a context, for listeners.
#[must_use]
pub fn run_script_in(
    config: &RuntimeConfig,
    script: &Script,
    cx: &Context,
    progress: &dyn Fn(usize),
) -> ScriptResult {
    let mut result = ScriptResult {
        path: script.path.clone(),
        group: script.group,
        directives: 1,
        assertions: 0,
        failures: Vec::new(),
    };
    if let Err(failure) = run_directives(config, script, cx, progress, &mut result) {
        result.failures.push(failure);
    }
    for failure in &mut result.failures {
        if !failure.message.starts_with(PANICKED) {
            let superseded = || Unsupported::superseded(&script.path, failure.line);
            failure.needs = failure.needs.or_else(superseded).or(script.group.unsupported());
        }
    }
    result
}

/// What the message of a failure by panic starts with: no missing proposal excuses a panic.
const PANICKED: &str = "panicked: ";

/// The error is a failure of the whole script.
fn run_directives(
    config: &RuntimeConfig,
    script: &Script,
    cx: &Context,
    progress: &dyn Fn(usize),
    result: &mut ScriptResult,
) -> Result<(), Failure> {
    let whole = |line, message: String| Failure { line, assertion: false, message, needs: None };
    let text = script.text.as_deref().map_err(|error| whole(1, format!("cannot be read: {error}")))?;
    let parse_failure = |error: wast::Error| {
        whole(error.span().linecol_in(text).0 + 1, format!("cannot be parsed: {}", error.message()))
    };
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(parse_failure)?;
    let wast: Wast<'_> = parse(&buffer).map_err(parse_failure)?;

    // Scripts compile, but never instantiate, the largest memories that there can be.
    let config = config.clone().with_core_features(script.features).with_memory64_limit_pages(1 << 48);
    let runtime = Runtime::with_config(config).map_err(|error| whole(1, error.to_string()))?;
    spectest::instantiate(&runtime, script.features, cx)
        .map_err(|error| whole(1, format!("spectest: {error}")))?;
    let mut state = State::new(runtime, cx.clone());
    result.directives = 0;
    for directive in flatten(wast.directives) {
        let line = directive.span().linecol_in(text).0 + 1;
        let assertion = is_assertion(&directive);
        result.directives += 1;
        result.assertions += usize::from(assertion);
        progress(line);
        let outcome = catch_unwind(AssertUnwindSafe(|| state.execute(directive)));
        let Problem { message, needs } = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(problem)) => problem,
            Err(panic) => format!("{PANICKED}{}", panic_text(&*panic)).into(),
        };
        result.failures.push(Failure { line, assertion, message, needs });
    }
    Ok(())
}

/// The directives with those inside threads in their place, so that each of them counts.
fn flatten(directives: Vec<WastDirective<'_>>) -> Vec<WastDirective<'_>> {
    let inner = |directive| match directive {
        WastDirective::Thread(mut thread) => {
            let inner = flatten(std::mem::take(&mut thread.directives));
            std::iter::once(WastDirective::Thread(thread)).chain(inner).collect()
        }
        other => vec![other],
    };
    directives.into_iter().flat_map(inner).collect()
}

fn is_assertion(directive: &WastDirective<'_>) -> bool {
    match directive {
        WastDirective::Module(_)
        | WastDirective::ModuleDefinition(_)
        | WastDirective::ModuleInstance { .. }
        | WastDirective::Register { .. }
        | WastDirective::Invoke(_)
        | WastDirective::Thread(_)
        | WastDirective::Wait { .. } => false,
        WastDirective::AssertMalformed { .. }
        | WastDirective::AssertInvalid { .. }
        | WastDirective::AssertInvalidCustom { .. }
        | WastDirective::AssertMalformedCustom { .. }
        | WastDirective::AssertTrap { .. }
        | WastDirective::AssertReturn { .. }
        | WastDirective::AssertExhaustion { .. }
        | WastDirective::AssertUnlinkable { .. }
        | WastDirective::AssertException { .. }
        | WastDirective::AssertSuspension { .. } => true,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "with a value".into())
}

/// Why a directive failed.
#[derive(Clone, Debug)]
struct Problem {
    message: String,
    needs: Option<Unsupported>,
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self { message, needs: None }
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

fn needs<T>(proposal: Unsupported) -> Result<T, Problem> {
    Err(Problem { message: format!("needs {proposal}"), needs: Some(proposal) })
}

/// A module as it was given: in the binary format, or as text that cannot even be that.
enum Given {
    Binary(Vec<u8>),
    Unparsable(String),
}

/// An instance, or why there is none.
type Slot = Result<Module, Problem>;

/// A definition: the module as given and compiled, or why there is none.
type Definition = Result<(Vec<u8>, CompiledModule), Problem>;

/// What directives act on.
struct State {
    runtime: Runtime,
    cx: Context,
    /// The instance of the last module directive.
    current: Option<Slot>,
    by_id: HashMap<String, Slot>,
    /// What is registered, under which name.
    registered: HashMap<String, Slot>,
    last_definition: Option<Definition>,
    definitions: HashMap<String, Definition>,
}

impl State {
    fn new(runtime: Runtime, cx: Context) -> Self {
        Self {
            runtime,
            cx,
            current: None,
            by_id: HashMap::new(),
            registered: HashMap::new(),
            last_definition: None,
            definitions: HashMap::new(),
        }
    }

    fn execute(&mut self, directive: WastDirective<'_>) -> Result<(), Problem> {
        match directive {
            WastDirective::Module(mut module) => {
                let id = module.name();
                let slot = self.instantiate_given(given(&mut module));
                self.enter(id, slot)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let id = module.name();
                let definition = self.define(given(&mut module));
                let outcome = definition.as_ref().map(drop).map_err(Clone::clone);
                if let Some(id) = id {
                    self.definitions.insert(id.name().to_owned(), definition.clone());
                }
                self.last_definition = Some(definition);
                outcome
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let definition = match module {
                    Some(id) => self.definitions.get(id.name()),
                    None => self.last_definition.as_ref(),
                };
                let definition = definition.ok_or("there is no such definition")?.clone();
                let slot = definition.and_then(|(binary, _)| self.instantiate_binary(&binary));
                self.enter(instance, slot)
            }
            WastDirective::Register { name, module, .. } => {
                let slot = self.slot(module)?.clone();
                self.registered.insert(name.to_owned(), slot.clone());
                slot.map(drop)
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke)? {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("failed: {error}").into()),
            },
            WastDirective::AssertReturn { exec, results, .. } => {
                let outcome = self.run(exec);
                // A proposal's value in the expectation excuses, whatever comes.
                let excuse = results.iter().find_map(needed_by_result);
                let excused = |problem: Problem| Problem { needs: problem.needs.or(excuse), ..problem };
                let values = match outcome.map_err(excused)? {
                    Ok(values) => values,
                    Err(error) => {
                        return Err(excused(format!("expected {results:?}, but it failed: {error}").into()));
                    }
                };
                let fits = values.len() == results.len()
                    && results.iter().zip(&values).all(|(expected, actual)| value::matches(expected, actual));
                if fits {
                    Ok(())
                } else {
                    Err(excused(format!("expected {results:?}, but got {values:?}").into()))
                }
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let outcome = self.run(exec)?;
                expect_trap(message, outcome)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let outcome = self.invoke(&call)?;
                expect_trap(message, outcome)
            }
            WastDirective::AssertInvalid { mut module, message, .. } => match given(&mut module) {
                Given::Unparsable(error) => {
                    Err(format!("expected to be invalid, but it cannot be parsed: {error}").into())
                }
                Given::Binary(binary) => self.expect_rejected(&binary, message, false),
            },
            WastDirective::AssertMalformed { mut module, message, .. } => match given(&mut module) {
                Given::Unparsable(_) => Ok(()),
                Given::Binary(binary) => self.expect_rejected(&binary, message, true),
            },
            WastDirective::AssertMalformedCustom { mut module, message, .. }
            | WastDirective::AssertInvalidCustom { mut module, message, .. } => match given(&mut module) {
                Given::Unparsable(_) => Ok(()),
                Given::Binary(binary) => match self.runtime.compile(&binary) {
                    Err(_) => Ok(()),
                    Ok(_) => Err(Problem {
                        message: format!("expected \"{message}\", but the module was accepted"),
                        needs: Some(Unsupported::Custom),
                    }),
                },
            },
            WastDirective::AssertUnlinkable { mut module, message, .. } => {
                let binary = module.encode().map_err(|error| Problem::from(error.message()))?;
                match self.instantiate_raw(&binary) {
                    Err((error, _)) if matches!(error.kind(), ErrorKind::Link(_)) => Ok(()),
                    Err((error, needs)) => {
                        let needs = needs.or_else(|| Unsupported::needed_by(&binary));
                        let message = format!("expected a link error \"{message}\", but it failed: {error}");
                        Err(Problem { message, needs })
                    }
                    Ok(_) => {
                        Err(format!("expected a link error \"{message}\", but it was instantiated").into())
                    }
                }
            }
            WastDirective::AssertException { .. } => needs(Unsupported::Exceptions),
            WastDirective::AssertSuspension { .. } => needs(Unsupported::StackSwitching),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => needs(Unsupported::Threads),
        }
    }

    /// Makes an instance the current one, and known by its identifier.
    fn enter(&mut self, id: Option<Id<'_>>, slot: Slot) -> Result<(), Problem> {
        if let Some(id) = id {
            self.by_id.insert(id.name().to_owned(), slot.clone());
        }
        self.current = Some(slot.clone());
        slot.map(drop)
    }

    fn define(&self, given: Given) -> Definition {
        let binary = match given {
            Given::Binary(binary) => binary,
            Given::Unparsable(error) => return Err(format!("cannot be parsed: {error}").into()),
        };
        match self.runtime.compile(&binary) {
            Ok(compiled) => Ok((binary, compiled)),
            Err(error) => Err(Problem { message: error.to_string(), needs: Unsupported::needed_by(&binary) }),
        }
    }

    fn instantiate_given(&self, given: Given) -> Slot {
        match given {
            Given::Binary(binary) => self.instantiate_binary(&binary),
            Given::Unparsable(error) => Err(format!("cannot be parsed: {error}").into()),
        }
    }

    fn instantiate_binary(&self, binary: &[u8]) -> Slot {
        self.instantiate_raw(binary).map_err(|(error, needs)| Problem {
            message: format!("cannot be instantiated: {error}"),
            needs: needs.or_else(|| Unsupported::needed_by(binary)),
        })
    }

    /// Instantiates with what is registered. With the error comes the proposal that a registered
    /// module needs which is not there because of that.
    fn instantiate_raw(&self, binary: &[u8]) -> Result<Module, (Error, Option<Unsupported>)> {
        let compiled = self.runtime.compile(binary).map_err(|error| (error, None))?;
        let missing = compiled
            .imported_modules()
            .iter()
            .find_map(|name| self.registered.get(&**name)?.as_ref().err()?.needs);
        let registered = self.registered.clone();
        let config = ModuleConfig::new()
            .with_name("")
            .with_start_functions([""; 0])
            .with_import_resolver(move |name| registered.get(name)?.as_ref().ok().cloned());
        let instance = self.runtime.instantiate_module_with(&self.cx, &compiled, config);
        instance.map_err(|error| (error, missing))
    }

    fn slot(&self, id: Option<Id<'_>>) -> Result<&Slot, Problem> {
        let slot = match id {
            Some(id) => self.by_id.get(id.name()),
            None => self.current.as_ref(),
        };
        slot.ok_or_else(|| "there is no such instance".into())
    }

    fn instance(&self, id: Option<Id<'_>>) -> Result<&Module, Problem> {
        self.slot(id)?.as_ref().map_err(|problem| Problem {
            message: format!("its module failed: {}", problem.message),
            needs: problem.needs,
        })
    }

    /// Calls. The outer error: there is nothing to call; the inner one: the call failed.
    fn invoke(&self, invoke: &WastInvoke<'_>) -> Result<Result<Vec<Value>, Error>, Problem> {
        let instance = self.instance(invoke.module)?;
        let function = instance.try_exported_function(invoke.name).map_err(|error| error.to_string())?;
        let arguments = invoke.args.iter().map(value::argument).collect::<Result<Vec<_>, _>>();
        let arguments = arguments.map_err(|message| Problem { message, needs: Some(Unsupported::Gc) })?;
        Ok(function.call_values(&arguments))
    }

    fn run(&self, execute: WastExecute<'_>) -> Result<Result<Vec<Value>, Error>, Problem> {
        match execute {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module)?;
                let global = instance.exported_global(global).ok_or("there is no such global")?;
                Ok(Ok(vec![global.get()]))
            }
            WastExecute::Wat(mut module) => {
                let binary = module.encode().map_err(|error| error.message())?;
                match self.instantiate_raw(&binary) {
                    Ok(_) => Ok(Ok(Vec::new())),
                    Err((error, _)) if error.trap().is_some() => Ok(Err(error)),
                    Err((error, needs)) => Err(Problem {
                        message: format!("cannot be instantiated: {error}"),
                        needs: needs.or_else(|| Unsupported::needed_by(&binary)),
                    }),
                }
            }
        }
    }

    /// The module must be rejected as invalid or as malformed.
    fn expect_rejected(&self, binary: &[u8], message: &str, malformed: bool) -> Result<(), Problem> {
        let kind = |malformed| if malformed { "malformed" } else { "invalid" };
        match self.runtime.compile(binary) {
            Ok(_) => Err(format!("expected {} \"{message}\", but it was accepted", kind(malformed)).into()),
            Err(error) => match error.kind() {
                ErrorKind::Module(problem) if problem.malformed == malformed => Ok(()),
                ErrorKind::Module(_) if malformed && INVALID_SINCE.contains(&message) => Ok(()),
                ErrorKind::Module(problem) => {
                    let (expected, given) = (kind(malformed), kind(problem.malformed));
                    Err(format!("expected {expected} \"{message}\", but it is {given}: {error}").into())
                }
                _ => {
                    Err(format!("expected {} \"{message}\", but it failed: {error}", kind(malformed)).into())
                }
            },
        }
    }
}

/// What old scripts call malformed and became a matter of validation with later proposals.
const INVALID_SINCE: &[&str] = &["malformed memop flags", "zero flag expected", "illegal opcode"];

fn given(module: &mut QuoteWat<'_>) -> Given {
    match module.to_test() {
        Ok(QuoteWatTest::Binary(binary)) => Given::Binary(binary),
        Ok(QuoteWatTest::Text(text)) => match String::from_utf8(text) {
            Ok(text) => encode_text(&text),
            Err(error) => Given::Unparsable(error.to_string()),
        },
        Err(error) => Given::Unparsable(error.message()),
    }
}

fn encode_text(text: &str) -> Given {
    let encode = || {
        let mut lexer = Lexer::new(text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer)?;
        parse::<Wat<'_>>(&buffer)?.encode()
    };
    encode().map_or_else(|error: wast::Error| Given::Unparsable(error.message()), Given::Binary)
}

/// The proposal that a value is of which a script expects.
fn needed_by_result(result: &WastRet<'_>) -> Option<Unsupported> {
    match result {
        WastRet::Core(
            WastRetCore::RefAny
            | WastRetCore::RefEq
            | WastRetCore::RefArray
            | WastRetCore::RefStruct
            | WastRetCore::RefI31
            | WastRetCore::RefI31Shared
            | WastRetCore::RefHost(_),
        ) => Some(Unsupported::Gc),
        _ => None,
    }
}

fn expect_trap(text: &str, outcome: Result<Vec<Value>, Error>) -> Result<(), Problem> {
    match outcome {
        Ok(values) => Err(format!("expected trap \"{text}\", but got {values:?}").into()),
        Err(error) => match error.trap() {
            Some(trap) if trap_matches(text, trap) => Ok(()),
            _ => Err(format!("expected trap \"{text}\", but it failed: {error}").into()),
        },
    }
}
