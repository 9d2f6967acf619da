using WorkflowSessions;

namespace CheckoutWizard.Shop;

/// <summary>The registration of a visitor, which may be open beside a checkout, and in two tabs.</summary>
public sealed class RegistrationWorkflow(WorkflowSession workflow)
{
    public const string Id = "registration";

    public Account? Account
    {
        get => workflow.Get<Account>("account");
        set => workflow.Set("account", value);
    }

    public Preferences? Preferences
    {
        get => workflow.Get<Preferences>("preferences");
        set => workflow.Set("preferences", value);
    }

    public string NextStep =>
        Account is null ? "/Register/Account"
        : Preferences is null ? "/Register/Preferences"
        : "/Register/Confirm";

    public void End() => workflow.End();
}
