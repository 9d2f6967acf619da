namespace CheckoutWizard;

/// <summary>Which of several nodes serves a page.</summary>
public sealed record Node(string? Name);
