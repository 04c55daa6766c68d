//! Reading a query's text: one statement, and only one that reads.

use datafusion::sql::{
    parser::{DFParserBuilder, Statement},
    sqlparser::{
        ast::{SetExpr, Statement as SqlStatement},
        dialect::GenericDialect,
        keywords::Keyword,
        tokenizer::{Token, Tokenizer},
    },
};

use crate::Error;

/// Bytes of a query's text, at most.
const MAX_BYTES: usize = 1 << 20;

/// Keywords and operators of a query, at most. Planning takes stack in proportion to how deep a query nests, and an
/// expression can nest as deep as it has operators. Names, values and commas, of which a list may have many, do not
/// count.
const MAX_OPERATORS: usize = 2_000;

/// What `SHOW TABLES` shows.
const SHOW_TABLES: &str = "SELECT table_name AS name, lower(replace(table_type, 'BASE ', '')) AS kind \
    FROM information_schema.tables WHERE table_schema <> 'information_schema' ORDER BY kind, name";

/// The statement that a text holds.
pub(crate) fn parse(sql: &str) -> Result<Statement, Error> {
    check_size(sql)?;
    let mut statements = statements(sql)?;
    let count = statements.len();
    let statement = match (statements.pop(), count) {
        (None, _) => return Err(Error::Empty),
        (Some(statement), 1) => statement,
        (Some(_), _) => return Err(Error::ManyStatements { count }),
    };
    if !reads_only(&statement) {
        let text = statement.to_string();
        let statement = text.split_whitespace().next().unwrap_or("this").to_uppercase();
        return Err(Error::NotAllowed { statement });
    }
    match &statement {
        Statement::Statement(shown) if matches!(&**shown, SqlStatement::ShowTables { .. }) => {
            if shown.to_string() != "SHOW TABLES" {
                let advice = "SHOW TABLES takes no options here: select from information_schema.tables instead";
                return Err(Error::Invalid { message: advice.to_owned(), at: None });
            }
            statements_of_ours(SHOW_TABLES)
        }
        _ => Ok(statement),
    }
}

fn check_size(sql: &str) -> Result<(), Error> {
    if sql.len() > MAX_BYTES {
        let advice = "shorten its lists, or ask in parts";
        return Err(Error::TooInvolved { found: sql.len(), unit: "bytes", limit: MAX_BYTES, advice });
    }
    // What cannot be cut into tokens is told by the parser, with its place.
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap_or_default();
    let found = tokens.iter().filter(|token| is_operator(token)).count();
    if found > MAX_OPERATORS {
        let advice = "write ticker IN ('…', '…') for many ORs, or ask in parts";
        return Err(Error::TooInvolved { found, unit: "keywords and operators", limit: MAX_OPERATORS, advice });
    }
    Ok(())
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            word.quote_style.is_none() && !matches!(word.keyword, Keyword::NoKeyword | Keyword::NULL | Keyword::AS)
        }
        Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::SemiColon
        | Token::EOF => false,
        token => !is_literal(token),
    }
}

fn is_literal(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::Placeholder(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::HexStringLiteral(_)
    )
}

fn statements(sql: &str) -> Result<Vec<Statement>, Error> {
    let told = |error| Error::of_text(&error, sql);
    let mut parser = DFParserBuilder::new(sql).with_dialect(&GenericDialect {}).build().map_err(told)?;
    Ok(parser.parse_statements().map_err(told)?.into())
}

fn statements_of_ours(sql: &str) -> Result<Statement, Error> {
    statements(sql)?.pop().ok_or(Error::Empty)
}

fn reads_only(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => sql_reads_only(statement),
        Statement::Explain(explained) => {
            // Explaining what may not run would only invite to run it.
            matches!(&*explained.statement, Statement::Statement(statement) if is_query(statement))
        }
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

fn sql_reads_only(statement: &SqlStatement) -> bool {
    match statement {
        SqlStatement::ShowTables { .. } | SqlStatement::ShowColumns { .. } | SqlStatement::ExplainTable { .. } => true,
        SqlStatement::Explain { statement, .. } => is_query(statement),
        statement => is_query(statement),
    }
}

/// Whether it is a query. That nothing inside of it writes is seen to once it is planned.
fn is_query(statement: &SqlStatement) -> bool {
    let SqlStatement::Query(query) = statement else { return false };
    match &*query.body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_) | SetExpr::Table(_) => true,
        _ => false,
    }
}
