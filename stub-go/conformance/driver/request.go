package main

type driverRequest struct {
	Target  string  `json:"target"`
	TLS     bool    `json:"tls"`
	Options options `json:"options"`
	Steps   []step  `json:"steps"`
}

type options struct {
	MaxUnansweredFrames    int   `json:"max_unanswered_frames"`
	MaxFrameInvocations    int   `json:"max_frame_invocations"`
	MaxFrameBytes          int   `json:"max_frame_bytes"`
	MaxInvocationBytes     int   `json:"max_invocation_bytes"`
	MaxBufferedInvocations int   `json:"max_buffered_invocations"`
	MaxBufferedBytes       int   `json:"max_buffered_bytes"`
	MaxInboundFrameBytes   int   `json:"max_inbound_frame_bytes"`
	DeadlineGraceMs        int64 `json:"deadline_grace_ms"`
	DescribeTimeoutMs      int64 `json:"describe_timeout_ms"`
	EndTimeoutMs           int64 `json:"end_timeout_ms"`
	OpenTimeoutMs          int64 `json:"open_timeout_ms"`
	KeepAliveTimeMs        int64 `json:"keep_alive_time_ms"`
	KeepAliveTimeoutMs     int64 `json:"keep_alive_timeout_ms"`
	SharedCalls            int   `json:"shared_calls"`
	SharedCallIdleMs       int64 `json:"shared_call_idle_timeout_ms"`
	FollowRoutes           bool  `json:"follow_routes"`
	MaxRoutes              int   `json:"max_routes"`
	ResumeTimeoutMs        int64 `json:"resume_timeout_ms"`
	MaxFruitlessResumes    int   `json:"max_resumes_without_progress"`
	ResumeBackoffMs        int64 `json:"resume_backoff_ms"`
	MaxResumeBackoffMs     int64 `json:"max_resume_backoff_ms"`
	Bearer                 bool  `json:"bearer"`
	FailingFetch           int64 `json:"failing_fetch"`
	LaterFetchesFail       bool  `json:"later_fetches_fail"`
}

type step struct {
	Open       *openStep  `json:"open"`
	Call       *callStep  `json:"call"`
	Await      *awaitStep `json:"await"`
	GiveUp     *giveUp    `json:"give_up"`
	Close      *stubStep  `json:"close"`
	Cancel     *stubStep  `json:"cancel"`
	AwaitEnd   *stubStep  `json:"await_end"`
	IDFromName *idStep    `json:"id_from_name"`
}

type openStep struct {
	Stub      string `json:"stub"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	ID        string `json:"id"`
	UniqueKey string `json:"unique_key"`
	IDOf      *idOf  `json:"id_of"`
	Resumable bool   `json:"resumable"`
}

type idOf struct {
	Namespace   string `json:"namespace"`
	UniqueKey   string `json:"unique_key"`
	Name        string `json:"name"`
	Digits      string `json:"digits"`
	OtherClient bool   `json:"other_client"`
}

type callStep struct {
	Stub         string            `json:"stub"`
	Times        int               `json:"times"`
	Text         string            `json:"text"`
	PaddingBytes int               `json:"padding_bytes"`
	TimeoutMs    int64             `json:"timeout_ms"`
	Metadata     map[string]string `json:"metadata"`
	Listen       bool              `json:"listen"`
}

type awaitStep struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

type giveUp struct {
	Call int `json:"call"`
}

type stubStep struct {
	Stub string `json:"stub"`
}

type idStep struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}
