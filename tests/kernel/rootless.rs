use libtest_mimic::Failed;
pub fn is_inner() -> bool {
    true
}
pub fn everything_works_in_a_user_namespace() -> Result<(), Failed> {
    Ok(())
}
