using WorkflowSessions;

// The whole library on a plain dictionary: every step prints what it returns, and the session underneath where it changed.
Dictionary<string, object?> session = [];
Page page = new(session);
TourClock clock = new();

page.Title("One workflow in a session");
WorkflowSession registration = new(session, "registration", clock);
page.Step("new WorkflowSession(session, \"registration\")");
page.Session();

page.Title("Store values");
registration.Set("email", "user@example.com");
registration.Set("username", "john_doe");
registration.Set("step", 2);
page.Step("Set(\"email\", …); Set(\"username\", …); Set(\"step\", 2)");
page.Session();

page.Title("Read them");
page.Step("Get<string>(\"email\")", registration.Get<string>("email"));
page.Step("Get<string>(\"username\")", registration.Get<string>("username"));
page.Step("Get<int>(\"step\")", registration.Get<int>("step"));
page.Step("TryGet(\"step\", out int step)", registration.TryGet("step", out int step));
page.Step("step", step);

page.Title("All of them at once, a copy");
page.Step("GetAll()", registration.GetAll());

page.Title("Is a key there?");
page.Step("Has(\"email\")", registration.Has("email"));
page.Step("Has(\"password\")", registration.Has("password"));

page.Title("A second workflow in the same session: the same key, no collision");
WorkflowSession checkout = new(session, "checkout", clock);
checkout.Set("step", 1);
checkout.Set("cart_total", 99.99m);
page.Step("registration.Get<int>(\"step\")", registration.Get<int>("step"));
page.Step("checkout.Get<int>(\"step\")", checkout.Get<int>("step"));
page.Session();

page.Title("Delete one value");
page.Step("registration.Delete(\"step\")", registration.Delete("step"));
page.Step("registration.Get(\"step\", -1)", registration.Get("step", -1));
page.Step("registration.GetAll()", registration.GetAll());

page.Title("Clear a workflow: its stamp stays, the other workflow too");
registration.Clear();
page.Step("registration.Clear()");
page.Step("registration.GetAll()", registration.GetAll());
page.Step("checkout.GetAll()", checkout.GetAll());
page.Step("registration.LastModified", registration.LastModified);
page.Session();

page.Title("A default is only for a key that is absent");
WorkflowSession empty = new(new Dictionary<string, object?>(), "empty", clock);
page.Step("empty.Get(\"nonexistent\", \"a default\")", empty.Get("nonexistent", "a default"));
empty.Set<string?>("nothing", null);
page.Step("empty.Get(\"nothing\", \"a default\") after Set<string?>(\"nothing\", null)", empty.Get("nothing", "a default"));

page.Title("A value of another type is an error, not a guess");
page.Step("checkout.Get<long>(\"step\")", checkout.Get<long>("step"));
try
{
    checkout.Get<bool>("step");
}
catch (WorkflowValueException error)
{
    page.Step("checkout.Get<bool>(\"step\")", error);
}

page.Title("A change that fails leaves nothing behind");
try
{
    await checkout.UpdateAsync(w =>
    {
        w.Set("step", 2);
        throw new InvalidOperationException("The card was declined.");
    });
}
catch (InvalidOperationException error)
{
    page.Step("checkout.UpdateAsync(…)", error);
}

page.Step("checkout.Get<int>(\"step\")", checkout.Get<int>("step"));

page.Title("End a workflow: entries and stamp go");
checkout.End();
page.Step("checkout.End()");
page.Session();
